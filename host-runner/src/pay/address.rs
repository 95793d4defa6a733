//! The addresses of a gateway that belong together: an asset's page, where it is bought, where its time is extended.

use ureq::http::Uri;

use super::http::{HttpReply, HttpRequest};

const PAGE: &str = "/p/";
const ACCESS: &str = "/api/v1/access/";
const EXTEND: &str = "/extend";

/// Goes on from an asset's page, which is for people, to the address at which a program pays for it.
///
/// Any other web page that asks for no payment is refused: nobody has granted anything.
pub(super) fn leave_page(ask: HttpRequest, first: HttpReply) -> Result<(HttpRequest, HttpReply), String> {
    if !(first.is_success() && first.is_page()) {
        return Ok((ask, first));
    }
    let Some(access) = access_of(ask.url()).filter(|_| ask.is_get()) else { return Err(no_offer(ask.url())) };
    eprintln!("{} is a page for people; asking {access} instead", ask.url());
    let ask = ask.with_url(access);
    let reply = ask.send_unpaid(None)?;
    if reply.is_success() && reply.is_page() {
        return Err(no_offer(ask.url()));
    }
    Ok((ask, reply))
}

fn no_offer(url: &Uri) -> String {
    format!(
        "{url} is a web page and asks for no payment; this command did not charge you; \
         name the address of what is for sale, such as https://coinop.example/api/v1/access/ID"
    )
}

/// Returns where to buy the asset of a page, with the page's quantity.
fn access_of(page: &Uri) -> Option<Uri> {
    let id = page.path().strip_prefix(PAGE).filter(|id| !id.is_empty() && !id.contains('/'))?;
    let quantity = page.query().and_then(|query| query.split('&').find(|part| part.starts_with("quantity=")));
    let query = quantity.map_or_else(String::new, |quantity| format!("?{quantity}"));
    at(page, &format!("{ACCESS}{id}{query}"))
}

/// Returns the command that shows what this wallet has at a URL, for a shell.
///
/// A gateway answers a sign-in where an asset is bought, not where its time is extended.
pub(super) fn sign_in_command(url: &Uri) -> String {
    let bought = url.path().strip_suffix(EXTEND).filter(|path| path.starts_with(ACCESS));
    let url = bought.and_then(|path| at(url, path)).unwrap_or_else(|| url.clone());
    // The URL stands in a shell's quotes.
    format!("`coinop pay '{}' --sign-in`", url.to_string().replace('\'', "%27"))
}

fn at(url: &Uri, path_and_query: &str) -> Option<Uri> {
    let mut parts = url.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_leads_to_where_its_asset_is_bought() {
        let access = |page: &str| {
            access_of(&format!("https://a.example{page}").parse().unwrap()).map(|url| url.to_string())
        };
        let lamp = "https://a.example/api/v1/access/lamp";
        assert_eq!(access("/p/lamp").unwrap(), lamp);
        assert_eq!(access("/p/lamp?kiosk").unwrap(), lamp);
        assert_eq!(access("/p/lamp?lang=de&quantity=7").unwrap(), format!("{lamp}?quantity=7"));
        for page in ["/", "/p/", "/p/lamp/more", "/q/lamp"] {
            assert_eq!(access(page), None, "{page}");
        }
    }

    #[test]
    fn a_wallet_signs_in_where_the_asset_is_bought() {
        let command = |url: &str| sign_in_command(&url.parse().unwrap());
        let bought = "`coinop pay 'https://a.example/api/v1/access/lamp' --sign-in`";
        assert_eq!(command("https://a.example/api/v1/access/lamp"), bought);
        assert_eq!(command("https://a.example/api/v1/access/lamp/extend?quantity=2"), bought);
        assert_eq!(command("https://a.example/it's"), "`coinop pay 'https://a.example/it%27s' --sign-in`");
        assert_eq!(
            command("https://a.example/x/extend"),
            "`coinop pay 'https://a.example/x/extend' --sign-in`"
        );
    }
}
