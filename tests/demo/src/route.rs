//! What the demo adds to the gateway, by path.

use hyper::Method;

/// Something of the demo's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Read(Resource),
    Work(Work),
}

/// What is only looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Script,
    Style,
    /// The wallet's address, and how a program pays with it.
    Account,
    /// Whether the lamp is lit.
    Lamp,
    /// The page of a transaction on the local chain, by its signature in base58.
    Transaction(String),
}

/// What the wallet does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Says what a transaction pays.
    Explain,
    Sign,
    SignMessage,
}

impl Route {
    /// Reads what follows `/demo/` in a path.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        Some(match path {
            "wallet.js" => Self::Read(Resource::Script),
            "wallet.css" => Self::Read(Resource::Style),
            "account" => Self::Read(Resource::Account),
            "lamp" => Self::Read(Resource::Lamp),
            "read" => Self::Work(Work::Explain),
            "sign" => Self::Work(Work::Sign),
            "sign-message" => Self::Work(Work::SignMessage),
            _ => {
                let signature = path.strip_prefix("transaction/").filter(|text| is_signature(text))?;
                Self::Read(Resource::Transaction(signature.to_owned()))
            }
        })
    }

    /// Returns the methods that it takes, as in the header `Allow`.
    pub(crate) const fn methods(&self) -> &'static str {
        match self {
            Self::Read(_) => "GET, HEAD",
            Self::Work(_) => "POST",
        }
    }

    pub(crate) fn takes(&self, method: &Method) -> bool {
        self.methods().split(", ").any(|taken| method == taken)
    }
}

impl Work {
    /// Returns the field of the request that has the bytes to work on.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::Explain | Self::Sign => "transaction",
            Self::SignMessage => "message",
        }
    }
}

/// Tells whether a text can be 64 bytes in base58.
fn is_signature(text: &str) -> bool {
    let is_base58 = |byte: u8| byte.is_ascii_alphanumeric() && !b"0OIl".contains(&byte);
    (64..=88).contains(&text.len()) && text.bytes().all(is_base58)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_read_and_work_is_posted() {
        for (path, field) in [("read", "transaction"), ("sign", "transaction"), ("sign-message", "message")] {
            let route = Route::parse(path).unwrap();
            assert!(route.takes(&Method::POST) && !route.takes(&Method::GET), "{path}");
            assert!(matches!(route, Route::Work(work) if work.field() == field), "{path}");
        }
        let transaction = format!("transaction/{}", "5".repeat(88));
        for path in ["wallet.js", "wallet.css", "account", "lamp", &transaction] {
            let route = Route::parse(path).unwrap();
            assert!(route.takes(&Method::GET) && route.takes(&Method::HEAD), "{path}");
            assert!(!route.takes(&Method::POST) && !route.takes(&Method::OPTIONS), "{path}");
        }
    }

    #[test]
    fn nothing_else_is_the_demos() {
        let zero = format!("transaction/{}", "0".repeat(88));
        for path in ["", "lamp/", "buyer.json", "transaction", "transaction/", "transaction/5", "Lamp", &zero]
        {
            assert_eq!(Route::parse(path), None, "{path}");
        }
    }
}
