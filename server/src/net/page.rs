//! The page: the browser client's files, out of the binary or, while developing, from a folder.

use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use rust_embed::RustEmbed;

use super::accept::{Answer, plain};

#[derive(RustEmbed)]
#[folder = "../assets/web"]
#[exclude = "test/*"]
#[exclude = "package.json"]
struct Embedded;

/// Nothing but the page's own scripts, styles and sockets; nobody may frame it.
const POLICY: &str = "default-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Serves the page.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Read files from this folder instead of the binary.
    folder: Option<PathBuf>,
}

struct File {
    bytes: Bytes,
    mime: String,
    etag: String,
}

impl Page {
    /// The embedded page, or the files in `folder`.
    pub fn new(folder: Option<PathBuf>) -> Page {
        Page { folder }
    }

    /// Answers a GET of `path`. A browser asks each time whether its copy is still good, so that a new server never
    /// meets an old page.
    pub async fn get(&self, path: &str, request: &HeaderMap) -> Answer {
        let name = match path {
            "/" => "index.html",
            path => path.trim_start_matches('/'),
        };
        let file = match &self.folder {
            None => embedded(name),
            Some(folder) => on_disk(folder, name).await,
        };
        let Some(file) = file else {
            return plain(StatusCode::NOT_FOUND, "there is no such page; the game is at /\n");
        };
        let known = request.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
        // A proxy that compresses makes the tag a weak one.
        let same = |tag: &str| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == file.etag;
        let unchanged = known.is_some_and(|tags| tags.split(',').any(|tag| same(tag.trim())));
        let body = if unchanged { Bytes::new() } else { file.bytes };
        let mut answer = Response::new(Either::Left(Full::new(body)));
        if unchanged {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = answer.headers_mut();
        let value = |text: &str| HeaderValue::from_str(text).expect("a hash and a MIME type are plain ASCII");
        headers.insert(header::CONTENT_TYPE, value(&file.mime));
        headers.insert(header::ETAG, value(&file.etag));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        answer
    }
}

fn embedded(name: &str) -> Option<File> {
    let file = Embedded::get(name)?;
    let hash = file.metadata.sha256_hash();
    let etag = format!("\"{}\"", hash[..12].iter().map(|b| format!("{b:02x}")).collect::<String>());
    let mime = with_charset(file.metadata.mimetype());
    Some(File { bytes: file.data.into_owned().into(), mime, etag })
}

async fn on_disk(folder: &Path, name: &str) -> Option<File> {
    // Only plain names: no "..", no root, no drive.
    let relative = Path::new(name);
    if !relative.components().all(|c| matches!(c, Component::Normal(_))) {
        return None;
    }
    let path = folder.join(relative);
    let bytes = tokio::fs::read(&path).await.ok()?;
    let modified = tokio::fs::metadata(&path).await.ok()?.modified().ok()?;
    let age = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    let mime = with_charset(mime_guess::from_path(relative).first_or_octet_stream().essence_str());
    Some(File { etag: format!("\"{}-{}\"", bytes.len(), age.as_nanos()), bytes: bytes.into(), mime })
}

fn with_charset(mime: &str) -> String {
    let text = mime.starts_with("text/") || mime.ends_with("/javascript") || mime.ends_with("/json");
    if text { format!("{mime}; charset=utf-8") } else { mime.to_owned() }
}
