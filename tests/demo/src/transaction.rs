//! The page of a transaction: what it has moved on the local chain. Explorers know only public chains.

use std::net::SocketAddr;

use coinop_core::svm::Address;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use hyper::{Response, StatusCode};

use crate::answer::{Body, own};
use crate::chain::{self, Landed};
use crate::payment::Payment;

const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'self'");

/// Answers with the page of the transaction with this signature. `pay_to` is a wallet that may be named as the
/// receiver.
pub(crate) async fn page(chain: SocketAddr, signature: &str, pay_to: Option<&Address>) -> Response<Body> {
    let (status, content) = match chain::find(chain, signature).await {
        Ok(Some(landed)) => (StatusCode::OK, told(signature, &landed, pay_to)),
        Ok(None) => (
            StatusCode::NOT_FOUND,
            paragraph("The chain does not know this transaction. Each demo begins with a new chain."),
        ),
        Err(why) => (StatusCode::BAD_GATEWAY, paragraph(why)),
    };
    let mut response = own(status, "text/html; charset=utf-8", document(&content));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}

/// Tells what the transaction has moved, from whom to whom, and when.
fn told(signature: &str, landed: &Landed, pay_to: Option<&Address>) -> String {
    let mut rows = String::new();
    match Payment::of(&landed.transaction.message) {
        Some((payer, payment)) => {
            rows += &row("Amount", &payment.amount_shown());
            rows += &row("From", &payer.to_string());
            rows += &row("To", &payment.receiver(pay_to));
        }
        None => rows += &row("Amount", "This is not a single payment, so the demo does not explain it."),
    }
    if let Some(at) = landed.at {
        rows += &row("When (UTC)", &at.to_string().replace('T', " ").replace(".000Z", ""));
    }
    rows += &row("Slot", &landed.slot.to_string());
    rows += &row("Transaction", signature);
    let failed = "It has failed on the chain: nothing moved but its fee.";
    let outcome = if landed.succeeded { String::new() } else { paragraph(failed) };
    format!("{outcome}<dl>{rows}</dl>")
}

fn document(content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>What moved on the chain</title><link rel=\"stylesheet\" href=\"/demo/wallet.css\"></head>\
         <body class=\"demo-page\"><main><h1>What moved on the chain</h1>\
         <p>This is play money, on a chain on this computer.</p>{content}</main></body></html>"
    )
}

/// Returns a paragraph. The text is this program's own.
fn paragraph(text: &'static str) -> String {
    format!("<p>{text}</p>")
}

/// Returns a term and its description.
fn row(term: &'static str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!("<div><dt>{term}</dt><dd>{text}</dd></div>")
}
