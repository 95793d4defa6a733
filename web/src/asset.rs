//! The page of an asset, for a buyer. It reads well without the script; only paying needs it.

use coinop_core::http::Response;
use coinop_core::svm::Network;
use serde_json::{Value, json};

use crate::api::Api;
use crate::html::Html;
use crate::language::Language;
use crate::site::Site;
use crate::{error, headers, names, show, wallets};

/// Answers with the page. Whoever has not chosen a quantity yet is offered the first preset, which is a quote too.
pub(crate) async fn answer(language: Language, api: &impl Api, id: &str, quantity: Option<u64>) -> Response {
    let path = format!("/api/v1/assets/{id}");
    let asset = match api.get(&path, None).await {
        Ok(asset) => asset,
        Err(why) => return error::page(language, why),
    };
    let status = api.get(&format!("{path}/status"), None).await.ok();
    let Some(quantity) = quantity else {
        return page(language, &asset, status.as_ref(), asset.pointer("/tariff/presets/0"));
    };
    let quote = api.get(&format!("{path}/quote"), Some(format!("quantity={quantity}"))).await.ok();
    page(language, &asset, status.as_ref(), quote.as_ref())
}

/// Renders the page from the API's answers.
fn page(language: Language, asset: &Value, status: Option<&Value>, quote: Option<&Value>) -> Response {
    let site = Site::of(asset);
    let name = show::text(asset, "/name");
    let mut html = Html::document(language.tag());
    let title = language.filled("page.title", &[("name", name)]);
    show::head(&mut html, &title, Some(names::BUYER));
    html.element("body", &[], |html| {
        html.element("main", &[("id", "main"), ("data-page", "asset")], |html| {
            introduction(html, language, asset);
            show::state(html, language, asset, status);
            show::device(html, language, status);
            check(html, language, status);
            html.element("div", &[("class", "buy")], |html| {
                order(html, language, asset, quote);
                panel(html, language, site, quote);
            });
            for_programs(html, language, site, asset, quote);
            about(html, language, site, asset);
        });
        html.data("data", &data(language, site, asset, status, quote));
    });
    headers::page(200, html.finish())
}

/// Writes what the asset is and what it costs.
fn introduction(html: &mut Html, language: Language, asset: &Value) {
    html.element("header", &[("class", "asset")], |html| {
        let picture = show::text(asset, "/picture");
        if !picture.is_empty() {
            html.void("img", &[("class", "picture"), ("src", picture), ("alt", "")]);
        }
        html.text_element("h1", &[], show::text(asset, "/name"));
        let description = show::text(asset, "/description");
        if !description.is_empty() {
            html.text_element("p", &[("class", "description")], description);
        }
        html.text_element("p", &[("class", "price")], &show::unit_price(language, asset));
    });
}

/// Writes the code that a screen at the machine shows too.
fn check(html: &mut Html, language: Language, status: Option<&Value>) {
    let Some(status) = status else { return };
    html.element("p", &[("id", "check"), ("class", "check")], |html| {
        html.text(language.text("page.check"));
        html.text(" ");
        html.text_element("strong", &[], show::text(status, "/checkCode"));
        html.text(" ");
        html.text_element("small", &[], language.text("page.check.why"));
    });
}

/// Writes the choice of a quantity, and what it comes to.
fn order(html: &mut Html, language: Language, asset: &Value, quote: Option<&Value>) {
    html.element("section", &[("id", "order"), ("class", "order"), ("aria-labelledby", "howlong")], |html| {
        html.text_element("h2", &[("id", "howlong")], language.text("page.howlong"));
        presets(html, language, asset, quote);
        amount(html, language, asset, quote);
        html.element("p", &[("id", "total"), ("class", "total")], |html| {
            let Some(quote) = quote else { return };
            let quantity = show::quantity(language, asset, show::number(quote, "/quantity").unwrap_or(0));
            show::phrase(html, language, "total", |html, name| match name {
                "quantity" => html.text(&quantity),
                _ => html.text_element("strong", &[], &show::prices(quote, "/prices")),
            });
        });
    });
}

/// Writes the quantities that people often want, as links.
fn presets(html: &mut Html, language: Language, asset: &Value, quote: Option<&Value>) {
    let presets = asset.pointer("/tariff/presets").and_then(Value::as_array);
    let chosen = quote.and_then(|quote| show::number(quote, "/quantity"));
    html.element("ul", &[("class", "presets")], |html| {
        for preset in presets.into_iter().flatten() {
            let Some(quantity) = show::number(preset, "/quantity") else { continue };
            let count = quantity.to_string();
            let target = format!("?quantity={quantity}");
            let mut attributes = vec![("href", target.as_str()), ("data-quantity", count.as_str())];
            if chosen == Some(quantity) {
                attributes.push(("aria-current", "true"));
            }
            html.element("li", &[], |html| {
                html.element("a", &attributes, |html| {
                    html.text(&show::quantity(language, asset, quantity));
                    html.text(" ");
                    html.text_element("span", &[], &show::prices(preset, "/prices"));
                });
            });
        }
    });
}

/// Writes the field for any other quantity.
fn amount(html: &mut Html, language: Language, asset: &Value, quote: Option<&Value>) {
    let bound = |pointer: &str| show::number(asset, pointer).unwrap_or(1).to_string();
    let (least, most) = (bound("/tariff/minQuantity"), bound("/tariff/maxQuantity"));
    let value =
        quote.and_then(|quote| show::number(quote, "/quantity")).map_or(least.clone(), |n| n.to_string());
    html.element("form", &[("id", "amount"), ("method", "get")], |html| {
        html.text_element("label", &[("for", "quantity")], show::quantity_label(language, asset));
        let field = [
            ("id", "quantity"),
            ("name", "quantity"),
            ("type", "number"),
            ("inputmode", "numeric"),
            ("step", "1"),
            ("required", ""),
            ("min", least.as_str()),
            ("max", most.as_str()),
            ("value", value.as_str()),
        ];
        html.void("input", &field);
        html.text_element("button", &[], language.text("page.show"));
    });
}

/// Writes how to pay without the script. The script replaces this by a button.
fn panel(html: &mut Html, language: Language, site: Site<'_>, quote: Option<&Value>) {
    html.element("section", &[("id", "panel"), ("class", "panel")], |html| {
        if site.is_encrypted() {
            html.text_element("p", &[], language.text("page.wallets"));
            html.element("p", &[("class", "wallets")], |html| {
                for link in wallets::links(site, quote.and_then(|quote| show::number(quote, "/quantity"))) {
                    let attributes =
                        [("class", "button"), ("data-wallet", link.id), ("href", link.url.as_str())];
                    html.text_element("a", &attributes, link.name);
                    html.text(" ");
                }
            });
            html.text_element("p", &[("class", "hint")], language.text("page.wallets.none"));
        } else if !site.is_loopback() {
            let attributes = [("class", "warning"), ("id", "insecure")];
            html.text_element("p", &attributes, language.text("insecure"));
        }
        html.element("noscript", &[], |html| {
            html.text_element("p", &[("class", "hint")], language.text("page.noscript"));
        });
    });
}

/// Writes how a program pays.
fn for_programs(html: &mut Html, language: Language, site: Site<'_>, asset: &Value, quote: Option<&Value>) {
    let quantity = quote.and_then(|quote| show::number(quote, "/quantity"));
    let query = quantity.map(|quantity| format!("?quantity={quantity}")).unwrap_or_default();
    let command = format!("coinop pay '{}/api/v1/access/{}{query}'", site.origin, show::text(asset, "/id"));
    html.element("details", &[("class", "agent")], |html| {
        html.text_element("summary", &[], language.text("page.agent"));
        html.text_element("p", &[], language.text("page.agent.how"));
        html.element("pre", &[], |html| html.text_element("code", &[], &command));
    });
}

/// Writes where the reader is, who sells, and what is paid with.
fn about(html: &mut Html, language: Language, site: Site<'_>, asset: &Value) {
    html.element("footer", &[], |html| {
        show::place(html, language, "page.where", site.host, show::text(asset, "/id"));
        for (pointer, key, placeholder) in
            [("/seller/name", "page.seller", "name"), ("/seller/contact", "page.contact", "contact")]
        {
            let value = show::text(asset, pointer);
            if !value.is_empty() {
                html.text_element("p", &[], &language.filled(key, &[(placeholder, value)]));
            }
        }
        let tokens = asset.pointer("/tariff/prices").and_then(Value::as_array).into_iter().flatten();
        let tokens = tokens.map(|price| show::text(price, "/token")).collect::<Vec<_>>().join(", ");
        let network = network(asset).map_or(show::text(asset, "/network"), |network| network.title());
        let paid = language.filled("page.network", &[("tokens", &tokens), ("network", network)]);
        html.text_element("p", &[], &paid);
        html.text_element("p", &[], language.text("page.nosol"));
        html.element("p", &[], |html| {
            html.text_element("a", &[("href", "/")], language.text("page.list.all"));
        });
    });
}

/// Returns the network on which the asset is paid; `None` if it is not one of Solana's.
fn network(asset: &Value) -> Option<Network> {
    Network::from_caip2(show::text(asset, "/network"))
}

/// Returns where the script shows a transaction, with `{transaction}` in its place.
fn explorer(network: Option<Network>) -> String {
    let cluster = match network {
        Some(Network::Mainnet) | None => String::new(),
        Some(network @ (Network::Devnet | Network::Testnet)) => format!("?cluster={}", network.name()),
    };
    format!("https://explorer.solana.com/tx/{{transaction}}{cluster}")
}

/// Returns what the script needs: the answers from which the page was made, and its texts.
fn data(
    language: Language,
    site: Site<'_>,
    asset: &Value,
    status: Option<&Value>,
    quote: Option<&Value>,
) -> Value {
    let network = network(asset);
    json!({
        "lang": language.tag(),
        "page": site.page,
        "api": "/api/v1",
        "chain": network.map_or("", Network::chain),
        "explorer": explorer(network),
        "asset": asset,
        "status": status,
        "quote": quote,
        "strings": language.of_script(),
    })
}
