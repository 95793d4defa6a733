//! `fermyon:spin/variables@2.0.0`, and a key-value store that cannot be opened.

use coinop_bindings::{key_value, variables};
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::spin::Guest;

/// Checks a variable's name as Spin does.
///
/// # Errors
///
/// Fails if the name is not made of lower-case words and single underscores.
pub fn check_name(name: &str) -> std::result::Result<(), String> {
    let word = |word: &str| {
        word.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if name.starts_with(|first: char| first.is_ascii_lowercase()) && name.split('_').all(word) {
        return Ok(());
    }
    Err(format!("{name:?} is not a name of a variable"))
}

impl variables::Host for Guest {
    fn get(&mut self, name: String) -> Result<std::result::Result<String, variables::Error>> {
        if let Err(message) = check_name(&name) {
            return Ok(Err(variables::Error::InvalidName(message)));
        }
        let value = self.app.variables.get(&name).cloned();
        let undefined = || variables::Error::Undefined(format!("no variable for {name:?}"));
        Ok(value.ok_or_else(undefined))
    }
}

impl key_value::Host for Guest {}

type Answer<T> = Result<std::result::Result<T, key_value::Error>>;

/// The manifest allows no store, so there is never a handle to one.
impl key_value::HostStore for Guest {
    fn open(&mut self, _: String) -> Answer<Resource<key_value::Store>> {
        Ok(Err(key_value::Error::AccessDenied))
    }
    fn get(&mut self, _: Resource<key_value::Store>, _: String) -> Answer<Option<Vec<u8>>> {
        Ok(Err(key_value::Error::AccessDenied))
    }
    fn set(&mut self, _: Resource<key_value::Store>, _: String, _: Vec<u8>) -> Answer<()> {
        Ok(Err(key_value::Error::AccessDenied))
    }
    fn delete(&mut self, _: Resource<key_value::Store>, _: String) -> Answer<()> {
        Ok(Err(key_value::Error::AccessDenied))
    }
    fn exists(&mut self, _: Resource<key_value::Store>, _: String) -> Answer<bool> {
        Ok(Err(key_value::Error::AccessDenied))
    }
    fn get_keys(&mut self, _: Resource<key_value::Store>) -> Answer<Vec<String>> {
        Ok(Err(key_value::Error::AccessDenied))
    }
    fn drop(&mut self, _: Resource<key_value::Store>) -> Result<()> {
        Ok(())
    }
}
