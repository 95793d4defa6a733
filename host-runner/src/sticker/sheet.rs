//! The sheet: one HTML file for A4 paper that needs nothing else.

const CSS: &str = include_str!("sheet.css");
/// The stickers that fit on a page: two columns of three.
const ON_A_PAGE: usize = 6;

/// What one sticker shows.
#[derive(Debug, Clone)]
pub(super) struct Sticker {
    /// The asset's name, which may contain anything.
    pub(super) name: String,
    pub(super) id: String,
    /// The host of the gateway, as buyers see it in their browser.
    pub(super) host: String,
    /// The address of the asset's page.
    pub(super) url: String,
    /// How a buyer reaches the merchant, in any words.
    pub(super) contact: Option<String>,
}

/// Returns the sheet with `copies` of each sticker; `None` if an address is too long for a QR code.
///
/// There is no price on a sticker, so that a new price needs no new sticker.
pub(super) fn html(stickers: &[Sticker], copies: usize) -> Option<String> {
    let drawn: Vec<String> = stickers.iter().map(article).collect::<Option<_>>()?;
    let all: Vec<&str> =
        drawn.iter().flat_map(|article| std::iter::repeat_n(article.as_str(), copies)).collect();
    let pages: String = all
        .chunks(ON_A_PAGE)
        .map(|page| format!("<section class=\"sheet\">\n{}</section>\n", page.concat()))
        .collect();
    Some(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Stickers</title>\n\
         <style>\n{CSS}</style>\n</head>\n<body>\n<main>\n{pages}</main>\n</body>\n</html>\n"
    ))
}

fn article(sticker: &Sticker) -> Option<String> {
    let Sticker { name, id, host, url, contact } = sticker;
    let (name, id, host, code) = (escaped(name), escaped(id), escaped(host), coinop_web::svg(url)?);
    let url = escaped(url);
    let help = contact.as_ref().map_or_else(String::new, |contact| {
        format!("<p class=\"help\">If something is wrong: {}</p>\n", escaped(contact))
    });
    Some(format!(
        "<article class=\"sticker\">\n<h2 dir=\"auto\">{name}</h2>\n\
         <div class=\"code\" role=\"img\" aria-label=\"QR code of {url}\">{code}</div>\n\
         <p class=\"do\">Scan, open in your wallet, pay.</p>\n\
         <p class=\"where\"><strong>{host}</strong>/p/{id}</p>\n{help}</article>\n"
    ))
}

/// Returns a text as HTML. Control characters become spaces, because HTML allows hardly any.
fn escaped(text: &str) -> String {
    coinop_web::escaped(&text.replace(char::is_control, " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sticker(name: &str) -> Sticker {
        Sticker {
            name: name.to_owned(),
            id: "lamp".to_owned(),
            host: "coinop.example".to_owned(),
            url: "https://coinop.example/p/lamp".to_owned(),
            contact: None,
        }
    }

    #[test]
    fn a_sticker_shows_the_name_the_code_and_the_address_to_type() {
        let html = html(&[sticker("Reading lamp")], 1).unwrap();
        let code = coinop_web::svg("https://coinop.example/p/lamp").unwrap();
        assert!(html.contains(&code));
        assert!(html.contains("<h2 dir=\"auto\">Reading lamp</h2>"));
        assert!(html.contains("<strong>coinop.example</strong>/p/lamp<"));
        assert!(html.contains("Scan, open in your wallet, pay."));
        assert!(!html.contains("If something is wrong"));
    }

    #[test]
    fn a_sticker_says_how_to_reach_the_seller() {
        let reachable = Sticker { contact: Some("<Tina> 555 0100".to_owned()), ..sticker("Reading lamp") };
        let html = html(&[reachable], 1).unwrap();
        assert!(html.contains("If something is wrong: &lt;Tina&gt; 555 0100</p>"));
    }

    #[test]
    fn a_name_cannot_become_markup() {
        let name = "</h2><script>alert('1')</script>\"&amp;\0\n";
        let html = html(&[sticker(name)], 1).unwrap();
        assert!(!html.contains("<script") && !html.contains('\0'));
        assert!(
            html.contains("&lt;/h2&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;amp;  </h2>")
        );
    }

    #[test]
    fn the_sheet_needs_nothing_from_elsewhere_and_has_no_script() {
        let html = html(&[sticker("Reading lamp")], 3).unwrap();
        for word in ["<script", "src=", "href=", "url(", "@import", "solana:", "USDC"] {
            assert!(!html.contains(word), "{word}");
        }
    }

    #[test]
    fn each_sticker_is_there_as_often_as_asked_for_and_six_fill_a_page() {
        let html = html(&[sticker("first"), sticker("second")], 10).unwrap();
        assert_eq!(html.matches("<h2 dir=\"auto\">first</h2>").count(), 10);
        assert_eq!(html.matches("<h2 dir=\"auto\">second</h2>").count(), 10);
        assert_eq!(html.matches("<section").count(), 4);
    }
}
