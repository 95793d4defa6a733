//! What the component is asked, and what it answers.

use http_body_util::Full;
use hyper::body::Bytes;

/// A request as the component gets it: complete, and no larger than allowed.
pub(crate) type Request = hyper::Request<Full<Bytes>>;
/// Its answer, complete.
pub(crate) type Response = hyper::Response<Bytes>;
