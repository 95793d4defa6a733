//! Reads `spin.toml` as strictly as Spin does, and fills it in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml_edit::{Document, Item, TableLike};

use crate::outbound::Origin;
use crate::variables;

/// Variables by name.
pub type Variables = BTreeMap<String, String>;

/// A manifest of one component behind one route.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The application's name.
    pub name: String,
    /// The application's version.
    pub version: String,
    /// The application's variables.
    pub variables: BTreeMap<String, Variable>,
    /// The component's file, relative to the manifest's folder.
    pub source: PathBuf,
    /// The command that builds the component.
    pub build: String,
    /// The component's variables, as templates.
    pub templates: Variables,
    /// The hosts to which it may connect, as templates.
    pub allowed_outbound_hosts: Vec<String>,
    /// The databases that it may open.
    pub databases: Vec<String>,
}

/// A variable of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its default value. Without one, the user must give a value.
    pub default: Option<String>,
    /// Whether it is a secret.
    pub secret: bool,
}

/// An application that is ready to be served.
#[derive(Clone, Debug)]
pub struct App {
    /// The component's variables, filled in.
    pub variables: Variables,
    /// The origins to which it may connect.
    pub allowed: Vec<Origin>,
    /// The databases that it may open.
    pub databases: Vec<String>,
    /// The folder of the data: `.spin/` beside the manifest, or `--state-dir`.
    pub state_dir: PathBuf,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// Fails if Spin would refuse the manifest, or if it uses a feature that this stand-in does not have.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let document = Document::parse(text).map_err(|error| error.to_string())?;
        let top = document.as_table();
        only(top, "", &["spin_manifest_version", "application", "variables", "trigger", "component"])?;
        if top.get("spin_manifest_version").and_then(Item::as_integer) != Some(2) {
            return Err("spin_manifest_version must be 2".to_owned());
        }
        let application = table(top, "application")?;
        only(application, "application", &["name", "version", "description", "authors"])?;
        let (id, component) = component(top)?;
        check_trigger(top, id)?;
        let build = table(component, "build")?;
        only(build, "build", &["command", "workdir", "watch"])?;
        let mut variables = BTreeMap::new();
        for (name, item) in table(top, "variables")?.iter() {
            variables::check_name(name)?;
            variables.insert(name.to_owned(), variable(name, item)?);
        }
        let mut templates = Variables::new();
        for (name, item) in table(component, "variables")?.iter() {
            variables::check_name(name)?;
            let template = item.as_str().ok_or_else(|| format!("variables.{name} must be text"))?;
            templates.insert(name.to_owned(), template.to_owned());
        }
        Ok(Self {
            name: text_of(application, "name")?,
            version: text_of(application, "version")?,
            variables,
            source: text_of(component, "source")?.into(),
            build: text_of(build, "command")?,
            templates,
            allowed_outbound_hosts: texts_of(component, "allowed_outbound_hosts")?,
            databases: texts_of(component, "sqlite_databases")?,
        })
    }

    /// Does the first part of `spin up`: fills in everything with the `values` that the user has set
    /// (`SPIN_VARIABLE_...`, here by the variables' own names).
    ///
    /// # Errors
    ///
    /// Fails if Spin would refuse to start.
    pub fn up(&self, values: &Variables, state_dir: &Path) -> Result<App, String> {
        let missing: Vec<_> = self
            .variables
            .iter()
            .filter(|(name, variable)| variable.default.is_none() && !values.contains_key(*name))
            .map(|(name, _)| name)
            .collect();
        if !missing.is_empty() {
            return Err(format!("no provider resolved required variable(s): {missing:?}"));
        }
        let resolve = |name: &str| {
            let default = || self.variables.get(name)?.default.clone();
            values.get(name).cloned().or_else(default).ok_or_else(|| format!("unknown variable {name:?}"))
        };
        let mut variables = Variables::new();
        for (name, template) in &self.templates {
            variables.insert(name.clone(), fill_in(template, resolve)?);
        }
        let mut allowed = Vec::new();
        for template in &self.allowed_outbound_hosts {
            allowed.push(Origin::allowed(&fill_in(template, resolve)?)?);
        }
        let databases = self.databases.clone();
        Ok(App { variables, allowed, databases, state_dir: state_dir.to_owned() })
    }
}

fn component(top: &dyn TableLike) -> Result<(&str, &dyn TableLike), String> {
    let mut components = table(top, "component")?.iter();
    let (Some((id, component)), None) = (components.next(), components.next()) else {
        return Err("there must be one component".to_owned());
    };
    let component = component.as_table_like().ok_or_else(|| format!("component.{id} must be a table"))?;
    let known = ["source", "description", "allowed_outbound_hosts", "sqlite_databases", "variables", "build"];
    only(component, id, &known)?;
    Ok((id, component))
}

/// Checks that every path goes to the component.
fn check_trigger(top: &dyn TableLike, id: &str) -> Result<(), String> {
    let triggers = table(top, "trigger")?.get("http").and_then(Item::as_array_of_tables);
    let mut triggers = triggers.ok_or("there must be a [[trigger.http]]")?.iter();
    let (Some(trigger), None) = (triggers.next(), triggers.next()) else {
        return Err("there must be one [[trigger.http]]".to_owned());
    };
    only(trigger, "trigger.http", &["route", "component"])?;
    if text_of(trigger, "route")? != "/..." || text_of(trigger, "component")? != id {
        return Err(format!("the route must be \"/...\", to {id}"));
    }
    Ok(())
}

fn variable(name: &str, item: &Item) -> Result<Variable, String> {
    let table = item.as_table_like().ok_or_else(|| format!("variables.{name} must be a table"))?;
    only(table, name, &["description", "required", "default", "secret"])?;
    let flag = |key: &str| table.get(key).and_then(Item::as_bool).unwrap_or(false);
    let default = table.get("default").and_then(Item::as_str).map(str::to_owned);
    if flag("required") == default.is_some() {
        return Err(format!("variables.{name} must be either required or have a default"));
    }
    Ok(Variable { default, secret: flag("secret") })
}

fn only(table: &dyn TableLike, what: &str, known: &[&str]) -> Result<(), String> {
    match table.iter().find(|(key, _)| !known.contains(key)) {
        Some((key, _)) => Err(format!("{what}: unknown key {key}")),
        None => Ok(()),
    }
}

fn table<'a>(table: &'a dyn TableLike, key: &str) -> Result<&'a dyn TableLike, String> {
    table.get(key).and_then(Item::as_table_like).ok_or_else(|| format!("[{key}] is missing"))
}

fn text_of(table: &dyn TableLike, key: &str) -> Result<String, String> {
    table.get(key).and_then(Item::as_str).map(str::to_owned).ok_or_else(|| format!("{key} must be text"))
}

fn texts_of(table: &dyn TableLike, key: &str) -> Result<Vec<String>, String> {
    let list = table.get(key).and_then(Item::as_array).ok_or_else(|| format!("{key} must be a list"))?;
    let text = |value: &toml_edit::Value| value.as_str().map(str::to_owned);
    list.iter().map(|value| text(value).ok_or_else(|| format!("{key} must be a list of texts"))).collect()
}

/// Replaces each `{{ name }}` with its value.
fn fill_in(template: &str, resolve: impl Fn(&str) -> Result<String, String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, expression)) = rest.split_once("{{") {
        let (name, after) = expression.split_once("}}").ok_or("a template has no end")?;
        filled.push_str(before);
        filled.push_str(&resolve(name.trim())?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}
