//! Writes HTML. Names of elements and attributes are constants of this program; everything else is escaped, so that no
//! name or description of an asset becomes markup.

use serde_json::Value;

/// Returns a text as HTML, in an element or in an attribute in double quotes.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// HTML that is being written.
#[derive(Debug, Default)]
pub(crate) struct Html(String);

/// The attributes of an element, with values that are escaped.
pub(crate) type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Html {
    /// Begins a document in this language.
    pub(crate) fn document(language: &'static str) -> Self {
        Self(format!("<!doctype html><html lang=\"{language}\" dir=\"ltr\">"))
    }

    /// Writes an element with what `inside` writes.
    pub(crate) fn element(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) {
        self.void(name, attributes);
        inside(self);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// Writes an element that holds only text.
    pub(crate) fn text_element(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(name, attributes, |html| html.text(text));
    }

    /// Writes the beginning of an element, which is all of an element without content.
    pub(crate) fn void(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.0.push('<');
        self.0.push_str(name);
        for (attribute, value) in attributes {
            self.0.push(' ');
            self.0.push_str(attribute);
            self.0.push_str("=\"");
            self.text(value);
            self.0.push('"');
        }
        self.0.push('>');
    }

    /// Writes text.
    pub(crate) fn text(&mut self, text: &str) {
        self.0.push_str(&escaped(text));
    }

    /// Writes a picture that this program has drawn.
    pub(crate) fn drawing(&mut self, svg: &str) {
        self.0.push_str(svg);
    }

    /// Writes data for the script. No browser runs it, and no value can end the element.
    pub(crate) fn data(&mut self, id: &'static str, data: &Value) {
        let json = data.to_string();
        self.0.push_str("<script type=\"application/json\" id=\"");
        self.0.push_str(id);
        self.0.push_str("\">");
        for c in json.chars() {
            match c {
                '<' => self.0.push_str("\\u003c"),
                '>' => self.0.push_str("\\u003e"),
                '&' => self.0.push_str("\\u0026"),
                c => self.0.push(c),
            }
        }
        self.0.push_str("</script>");
    }

    /// Ends the document.
    pub(crate) fn finish(mut self) -> String {
        self.0.push_str("</html>");
        self.0
    }
}
