//! What is said at paths that no page has: what Go's `http.ServeMux` says there, which serves the pages of
//! CoreDNS.

use axum::http::header::{CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// 404; or 307 to the path that is meant, where a path has empty segments or dots in it.
pub async fn elsewhere(method: Method, uri: Uri) -> Response {
    let meant = clean(uri.path());
    if meant == uri.path() || method == Method::CONNECT {
        let headers = [(CONTENT_TYPE, TEXT), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
        return (StatusCode::NOT_FOUND, headers, "404 page not found\n").into_response();
    }
    let to = match uri.query() {
        Some(query) => format!("{meant}?{query}"),
        None => meant,
    };
    let link = match method {
        Method::GET => format!("<a href=\"{}\">Temporary Redirect</a>.\n\n", escaped(&to)),
        _ => String::new(),
    };
    let (status, location) = (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, to)]);
    match method {
        Method::GET | Method::HEAD => {
            (status, location, [(CONTENT_TYPE, HTML)], link).into_response()
        }
        _ => (status, location).into_response(),
    }
}

/// A path without empty segments, `.` and `..`. A slash at its end stays.
fn clean(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let end = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

/// A text within an attribute of HTML.
fn escaped(text: &str) -> String {
    let pairs = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&#34;"), ('\'', "&#39;")];
    pairs.iter().fold(text.to_owned(), |text, (letter, name)| text.replace(*letter, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_that_are_meant() {
        for (path, meant) in [
            ("/", "/"),
            ("//", "/"),
            ("/health", "/health"),
            ("/health/", "/health/"),
            ("//health", "/health"),
            ("/a//b/", "/a/b/"),
            ("/./health/.", "/health"),
            ("/a/../health", "/health"),
            ("/../..", "/"),
            ("/a/..", "/"),
            ("*", "/*"),
        ] {
            assert_eq!(clean(path), meant, "{path}");
        }
    }

    #[tokio::test]
    async fn a_path_that_is_none_is_said_or_corrected() {
        for (method, path, status, location) in [
            (Method::GET, "/none", 404, None),
            (Method::GET, "//health", 307, Some("/health")),
            (Method::POST, "/a/../health?b=c", 307, Some("/health?b=c")),
            (Method::CONNECT, "//health", 404, None),
        ] {
            let reply = elsewhere(method, path.parse().unwrap()).await;
            let found = reply.headers().get(LOCATION).map(|value| value.to_str().unwrap());
            assert_eq!((reply.status().as_u16(), found), (status, location), "{path}");
        }
    }
}
