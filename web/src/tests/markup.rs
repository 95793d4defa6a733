//! No text of an asset becomes markup.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Texts that try to become markup, a script, an attribute, a comment, or the end of the data.
const ATTEMPTS: [&str; 20] = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "\" autofocus onfocus=alert(1) x=\"",
    "<!--",
    "--><script>",
    "<![CDATA[x]]>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;",
    "{name}{price}{host}{id}",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</main></body></html><h1>x",
    "\u{2028}\u{2029}\\u003cscript>",
    "\0<\0script>",
    "<style>*{display:none}</style>",
    "<base href=//evil.example><meta http-equiv=refresh content=0>",
];

/// Returns the tags and attributes of a page, without any text: what a browser makes of it.
pub(super) fn skeleton(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, behind) = after.split_once('>').unwrap();
        let mut quoted = tag.split('"');
        let mut names = quoted.next().unwrap().to_owned();
        while let (Some(_value), Some(between)) = (quoted.next(), quoted.next()) {
            names.push_str(between);
        }
        tags.push(names);
        rest = behind;
    }
    tags
}

fn with_text_everywhere(text: &str) -> [Response; 3] {
    let mut asset = lamp();
    for pointer in ["/name", "/description", "/seller/name", "/seller/contact", "/tariff/prices/0/token"] {
        *asset.pointer_mut(pointer).unwrap() = json!(text);
    }
    [
        page(asset.clone(), free(), ten()),
        shown("/p/lamp?kiosk", &[], &[(LAMP, 200, asset.clone()), (STATUS, 200, free())]),
        shown("/", &[], &[(LIST, 200, json!({ "assets": [asset], "next": null }))]),
    ]
}

#[test]
fn no_name_or_description_becomes_markup() {
    let plain = with_text_everywhere("plain").map(|response| skeleton(html(&response)));
    for attempt in ATTEMPTS {
        let attempted = with_text_everywhere(attempt).map(|response| skeleton(html(&response)));
        assert_eq!(attempted, plain, "{attempt}");
    }
}

proptest! {
    #[test]
    fn no_text_becomes_markup_and_the_script_reads_it_unchanged(text in any::<String>()) {
        prop_assume!(!text.is_empty());
        let plain = with_text_everywhere("plain").map(|response| skeleton(html(&response)));
        let responses = with_text_everywhere(&text);
        let data = html(&responses[0]).split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
        let data: Value = serde_json::from_str(data).unwrap();
        prop_assert_eq!(&data["asset"]["name"], &json!(text));
        prop_assert_eq!(responses.map(|response| skeleton(html(&response))), plain);
    }
}
