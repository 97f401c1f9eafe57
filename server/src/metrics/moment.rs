//! A metric that is a moment.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;

/// A time in seconds since 1970 that is not shown before it is known. Cheap to clone: a handle.
#[derive(Debug, Clone, Default)]
pub struct Moment(Arc<AtomicU64>);

impl Moment {
    /// Makes it known.
    pub fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl EncodeMetric for Moment {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        match self.0.load(Ordering::Relaxed) {
            0 => Ok(()),
            seconds => encoder.encode_gauge(&seconds),
        }
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}
