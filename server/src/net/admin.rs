//! The operator's listener: `/healthz` and `/metrics`. On loopback unless configured otherwise.

use std::sync::Arc;

use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::accept::{Answer, Handler, Place, plain};
use crate::metrics::Metrics;

/// Answers operators.
#[derive(Debug)]
pub struct Admin {
    metrics: Arc<Metrics>,
}

impl Admin {
    /// Shows `metrics`.
    pub fn new(metrics: Arc<Metrics>) -> Admin {
        Admin { metrics }
    }
}

impl<S> Handler<S> for Admin {
    async fn handle(&self, request: Request<Incoming>, _place: &Place) -> Answer {
        if request.method() != Method::GET {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        }
        match request.uri().path() {
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/metrics" => {
                let mut answer = Response::new(Either::Left(Full::new(self.metrics.text().into())));
                let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format));
                answer
            }
            _ => plain(StatusCode::NOT_FOUND, "there are /healthz and /metrics\n"),
        }
    }
}
