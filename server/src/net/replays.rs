//! Recordings for the page: `/replays` lists them, `/replays/NAME` is the film of one, and `?from=TICK` of its rest.

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Response, StatusCode, Uri};
use protocol::Tick;

use super::accept::{Answer, plain};
use crate::record::shelf::{NoFilm, Shelf};

/// What paths of replays begin with.
const ROOT: &str = "/replays";

/// Answers a GET of a replay; none if the path is something else's.
pub(super) async fn answer(shelf: &Shelf, method: &Method, uri: &Uri) -> Option<Answer> {
    let rest = uri.path().strip_prefix(ROOT)?;
    if rest.is_empty() || rest == "/" {
        return Some(shelf.list().await.map_or_else(
            |error| refuse(&error),
            |list| {
                let list = serde_json::to_vec(&*list).expect("names and numbers become JSON");
                found("application/json", list.into())
            },
        ));
    }
    let name = rest.strip_prefix('/')?;
    if method != Method::GET {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
        return Some(answer);
    }
    let Ok(from) = from(uri.query().unwrap_or_default()) else {
        return Some(plain(StatusCode::BAD_REQUEST, "from is a tick: a number\n"));
    };
    let film = shelf.film(name, from).await;
    Some(film.map_or_else(|error| refuse(&error), |film| found("application/octet-stream", film)))
}

fn from(query: &str) -> Result<Option<Tick>, std::num::ParseIntError> {
    let from = query.split('&').find_map(|pair| pair.strip_prefix("from="));
    from.map(|text| text.parse().map(Tick)).transpose()
}

fn found(mime: &'static str, bytes: Bytes) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(bytes)));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

fn refuse(error: &NoFilm) -> Answer {
    let status = match error {
        NoFilm::Off | NoFilm::Missing => StatusCode::NOT_FOUND,
        NoFilm::Name => StatusCode::BAD_REQUEST,
        NoFilm::TooLarge | NoFilm::Stopped(_) => StatusCode::UNPROCESSABLE_ENTITY,
        NoFilm::Unreadable(_) | NoFilm::Unlisted(_) => StatusCode::INTERNAL_SERVER_ERROR,
        NoFilm::Busy | NoFilm::Slow => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut answer = plain(status, format!("{error}\n"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    answer
}
