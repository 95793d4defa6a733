//! The requests to the component and its answers.

use http_body_util::Full;
use hyper::body::Bytes;

/// A request as the component gets it: complete, and within the size limits.
pub(crate) type Request = hyper::Request<Full<Bytes>>;
/// The complete answer.
pub(crate) type Response = hyper::Response<Bytes>;
