//! The page at `/` and the console's at `/console`: static files that are part of the binary.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::{DevInfo, NO_STORE};

/// The page may load what this server serves, and nothing else: no inline code, no other host.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const INDEX: &str = include_str!("../../page/index.html");

const CONSOLE: &str = include_str!("../../page/console/index.html");

/// The element of [`INDEX`] whose `content` is the publishable key of `peerhall dev`.
const KEY_ELEMENT: &str = r#"<meta name="publishable-key" content="">"#;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Everything but the page itself: path, type, content.
const FILES: [(&str, &str, &str); 16] = [
    ("/base.css", CSS, include_str!("../../page/base.css")),
    ("/console", HTML, CONSOLE),
    ("/console/console.css", CSS, include_str!("../../page/console/console.css")),
    ("/console/api.js", JAVASCRIPT, include_str!("../../page/console/api.js")),
    ("/console/connections.js", JAVASCRIPT, include_str!("../../page/console/connections.js")),
    ("/console/dom.js", JAVASCRIPT, include_str!("../../page/console/dom.js")),
    ("/console/graphs.js", JAVASCRIPT, include_str!("../../page/console/graphs.js")),
    ("/console/inspector.js", JAVASCRIPT, include_str!("../../page/console/inspector.js")),
    ("/console/keys.js", JAVASCRIPT, include_str!("../../page/console/keys.js")),
    ("/console/main.js", JAVASCRIPT, include_str!("../../page/console/main.js")),
    ("/console/rooms.js", JAVASCRIPT, include_str!("../../page/console/rooms.js")),
    ("/page.css", CSS, include_str!("../../page/page.css")),
    ("/page.js", JAVASCRIPT, include_str!("../../page/page.js")),
    ("/signalling.js", JAVASCRIPT, include_str!("../../page/signalling.js")),
    ("/call.js", JAVASCRIPT, include_str!("../../page/call.js")),
    ("/icon.svg", SVG, include_str!("../../page/icon.svg")),
];

/// The files, ready to be sent.
#[derive(Debug)]
pub(super) struct Page {
    index: String,
}

impl Page {
    pub(super) fn new(dev: Option<&DevInfo>) -> Self {
        let index = match dev {
            None => INDEX.to_owned(),
            Some(dev) => {
                let key = escape(&dev.publishable_key);
                INDEX.replace(KEY_ELEMENT, &KEY_ELEMENT.replace("\"\"", &format!("\"{key}\"")))
            }
        };
        Self { index }
    }

    /// The file at a path, if there is one.
    pub(super) fn file(&self, path: &str) -> Option<Response> {
        if path == "/" {
            return Some(response(HTML, self.index.clone().into()));
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
        assert!(Page::new(None).index.contains(KEY_ELEMENT));
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
                assert!(is_here || ["/health", "/metrics"].contains(&path), "{path} is not served");
            }
        }
        for (name, kind, content) in FILES.iter().filter(|(_, kind, _)| *kind == JAVASCRIPT) {
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            for rest in content.split("from './").skip(1) {
                let path = format!("{folder}/{}", rest.split('\'').next().unwrap());
                assert!(page.file(&path).is_some(), "{name} ({kind}) imports {path}");
            }
        }
    }

    #[test]
    fn nothing_in_the_page_is_inline_or_reads_markup() {
        for html in [INDEX, CONSOLE] {
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
                let allowed = name == "/icon.svg" && word == "http://";
                assert!(allowed || !content.contains(word), "{name} has {word}");
            }
        }
    }
}
