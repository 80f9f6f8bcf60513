//! The page at `/` and the console's at `/console`: static files that are part of the binary.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::{DevInfo, NO_STORE};

/// The page may load what this server serves, and nothing else: no inline code, no other host. The SDK is
/// WebAssembly, which has to be allowed by name and allows no script.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const INDEX: &str = include_str!("../../page/index.html");

const MINIMAL: &str = include_str!("../../page/minimal.html");

const CONSOLE: &str = include_str!("../../page/console/index.html");

/// The element of a page whose `content` is the publishable key of `peerhall dev`.
const KEY_ELEMENT: &str = r#"<meta name="publishable-key" content="">"#;

/// The element of [`INDEX`] whose `content` is the address for a phone, where `peerhall dev --lan` knows one.
const PHONE_ELEMENT: &str = r#"<meta name="phone-url" content="">"#;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Everything but the pages that hold a key: path, type, content.
const FILES: [(&str, &str, &str); 39] = [
    ("/base.css", CSS, include_str!("../../page/base.css")),
    ("/address.js", JAVASCRIPT, include_str!("../../page/address.js")),
    ("/breakit.js", JAVASCRIPT, include_str!("../../page/breakit.js")),
    ("/chat.js", JAVASCRIPT, include_str!("../../page/chat.js")),
    ("/code.js", JAVASCRIPT, include_str!("../../page/code.js")),
    ("/connect.js", JAVASCRIPT, include_str!("../../page/connect.js")),
    ("/console", HTML, CONSOLE),
    ("/console/console.css", CSS, include_str!("../../page/console/console.css")),
    ("/console/api.js", JAVASCRIPT, include_str!("../../page/console/api.js")),
    ("/console/connections.js", JAVASCRIPT, include_str!("../../page/console/connections.js")),
    ("/console/graphs.js", JAVASCRIPT, include_str!("../../page/console/graphs.js")),
    ("/console/inspector.js", JAVASCRIPT, include_str!("../../page/console/inspector.js")),
    ("/console/keys.js", JAVASCRIPT, include_str!("../../page/console/keys.js")),
    ("/console/main.js", JAVASCRIPT, include_str!("../../page/console/main.js")),
    ("/console/rooms.js", JAVASCRIPT, include_str!("../../page/console/rooms.js")),
    ("/doctor.js", JAVASCRIPT, include_str!("../../page/doctor.js")),
    ("/dom.js", JAVASCRIPT, include_str!("../../page/dom.js")),
    ("/faults.js", JAVASCRIPT, include_str!("../../page/faults.js")),
    ("/files.js", JAVASCRIPT, include_str!("../../page/files.js")),
    ("/files-inbox.js", JAVASCRIPT, include_str!("../../page/files-inbox.js")),
    ("/files-item.js", JAVASCRIPT, include_str!("../../page/files-item.js")),
    ("/files-kept.js", JAVASCRIPT, include_str!("../../page/files-kept.js")),
    ("/files-view.js", JAVASCRIPT, include_str!("../../page/files-view.js")),
    ("/labelled.js", JAVASCRIPT, include_str!(concat!(env!("OUT_DIR"), "/labelled.js"))),
    ("/media.js", JAVASCRIPT, include_str!("../../page/media.js")),
    ("/icon.svg", SVG, include_str!("../../page/icon.svg")),
    ("/minimal.css", CSS, include_str!("../../page/minimal.css")),
    ("/minimal.js", JAVASCRIPT, include_str!("../../page/minimal.js")),
    ("/nat.js", JAVASCRIPT, include_str!("../../page/nat.js")),
    ("/page.css", CSS, include_str!("../../page/page.css")),
    ("/page.js", JAVASCRIPT, include_str!("../../page/page.js")),
    ("/patience.js", JAVASCRIPT, include_str!("../../page/patience.js")),
    ("/peerhall.js", JAVASCRIPT, include_str!(concat!(env!("OUT_DIR"), "/peerhall.js"))),
    ("/report.js", JAVASCRIPT, include_str!("../../page/report.js")),
    ("/restarts.js", JAVASCRIPT, include_str!("../../page/restarts.js")),
    ("/room.js", JAVASCRIPT, include_str!("../../page/room.js")),
    ("/tiles.js", JAVASCRIPT, include_str!("../../page/tiles.js")),
    ("/verdicts.js", JAVASCRIPT, include_str!("../../page/verdicts.js")),
    ("/timeline.js", JAVASCRIPT, include_str!("../../page/timeline.js")),
];

/// The files, ready to be sent.
#[derive(Debug)]
pub(super) struct Page {
    index: String,
    minimal: String,
    /// A picture of the address for a phone.
    phone: Option<String>,
}

impl Page {
    pub(super) fn new(dev: Option<&DevInfo>) -> Self {
        let Some(dev) = dev else {
            return Self { index: INDEX.to_owned(), minimal: MINIMAL.to_owned(), phone: None };
        };
        let with_key = |page: &str| fill(page, KEY_ELEMENT, &dev.publishable_key);
        let phone_url = dev.phone_url.as_deref().unwrap_or_default();
        Self {
            index: fill(&with_key(INDEX), PHONE_ELEMENT, phone_url),
            minimal: with_key(MINIMAL),
            phone: dev.phone_url.as_deref().and_then(picture),
        }
    }

    /// The file at a path, if there is one.
    pub(super) fn file(&self, path: &str) -> Option<Response> {
        if path == "/" {
            return Some(response(HTML, self.index.clone().into()));
        }
        if path == "/minimal" {
            return Some(response(HTML, self.minimal.clone().into()));
        }
        if path == "/phone.svg" {
            return self.phone.clone().map(|picture| response(SVG, picture.into()));
        }
        let path = if path == "/console/" { "/console" } else { path };
        let (_, kind, content) = FILES.iter().find(|(name, _, _)| *name == path)?;
        Some(response(kind, (*content).into()))
    }
}

fn response(kind: &'static str, body: Body) -> Response {
    let headers: [(HeaderName, HeaderValue); 5] = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, NO_STORE),
    ];
    (headers, body).into_response()
}

/// Fills in the `content` of an element.
fn fill(page: &str, element: &str, value: &str) -> String {
    page.replace(element, &element.replace("\"\"", &format!("\"{}\"", escape(value))))
}

/// A QR code, dark on light as cameras want it; `None` when the text is too long for one.
fn picture(text: &str) -> Option<String> {
    let code = qrcode::QrCode::new(text).ok()?;
    Some(code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(180, 180).build())
}

/// Text as part of an attribute in double quotes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_dev_is_in_the_page_and_cannot_leave_its_attribute() {
        let dev = DevInfo::new("pk_live_\"><script>".to_owned()).unwrap();
        let index = Page::new(Some(&dev)).index;
        assert!(
            index.contains(r#"<meta name="publishable-key" content="pk_live_&quot;&gt;&lt;script&gt;">"#)
        );
        assert!(Page::new(Some(&dev)).minimal.contains("pk_live_&quot;"));
        let none = Page::new(None);
        assert!(none.index.contains(KEY_ELEMENT) && none.minimal.contains(KEY_ELEMENT));
        assert!(none.index.contains(PHONE_ELEMENT) && none.file("/phone.svg").is_none());
    }

    #[test]
    fn the_address_for_a_phone_is_shown_as_text_and_as_a_picture() {
        let phone_url = Some("http://192.0.2.7:7788/".to_owned());
        let dev = DevInfo { phone_url, ..DevInfo::new("pk_live_0".to_owned()).unwrap() };
        let page = Page::new(Some(&dev));
        assert!(page.index.contains(r#"<meta name="phone-url" content="http://192.0.2.7:7788/">"#));
        let picture = page.phone.unwrap();
        assert!(picture.contains("<svg") && !picture.contains("<script"), "{picture}");
    }

    #[test]
    fn every_file_that_the_page_names_is_there_and_none_is_elsewhere() {
        let page = Page::new(None);
        for (html, attribute) in
            [INDEX, CONSOLE].iter().flat_map(|html| [(html, "src=\""), (html, "href=\"")])
        {
            for rest in html.split(attribute).skip(1) {
                let path = rest.split('"').next().unwrap();
                let is_here = path.starts_with('#') || page.file(path).is_some();
                assert!(
                    is_here || ["/health", "/metrics", "/phone.svg"].contains(&path),
                    "{path} is not served"
                );
            }
        }
        for (name, kind, content) in FILES.iter().filter(|(_, kind, _)| *kind == JAVASCRIPT) {
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            for rest in content.split("from '../").skip(1) {
                let path = format!("/{}", rest.split('\'').next().unwrap());
                assert!(page.file(&path).is_some(), "{name} ({kind}) imports {path}");
            }
            let named = content.split("from './").skip(1).chain(content.split("import('./").skip(1));
            for rest in named {
                let path = format!("{folder}/{}", rest.split('\'').next().unwrap());
                assert!(page.file(&path).is_some(), "{name} ({kind}) imports {path}");
            }
        }
    }

    #[test]
    fn nothing_in_the_page_is_inline_or_reads_markup() {
        for html in [INDEX, CONSOLE, MINIMAL] {
            assert!(!html.contains("<style") && !html.contains(" style="));
            let mut attributes = html.split_whitespace().filter(|word| word.starts_with("on"));
            assert!(attributes.all(|word| !word.contains('=')), "a handler is inline");
            let mut scripts = html.split("<script").skip(1);
            assert!(scripts.all(|rest| rest.contains("></script>") && rest.contains("src=")));
        }
        for (name, _, content) in FILES {
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "http://",
                "https://",
            ] {
                // The SDK is somebody's own affair: its package has its own tests.
                let allowed = (name == "/icon.svg" && word == "http://")
                    || matches!(name, "/peerhall.js" | "/labelled.js");
                assert!(allowed || !content.contains(word), "{name} has {word}");
            }
        }
    }
}
