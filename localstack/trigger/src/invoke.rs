//! Who is called with a payload.

use std::fmt;
use std::future::Future;

use async_trait::async_trait;
use bytes::Bytes;

/// Why an invocation did not succeed. The batch is delivered again in every case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The function ran and failed: its own message says why.
    #[error("the function failed: {0}")]
    Function(String),
    /// The function could not run now: throttled, or its service does not answer.
    #[error("the function is not available: {0}")]
    Unavailable(String),
    /// The call was refused, and will be until somebody changes a setting.
    #[error("the invocation was refused: {0}")]
    Refused(String),
}

/// Calls a function with a payload and waits for its answer.
///
/// In the default mode of an event source mapping the answer's content means nothing: an answer is a success.
#[async_trait]
pub trait Invoker: fmt::Debug + Send + Sync {
    async fn invoke(&self, payload: Bytes) -> Result<Bytes, InvokeError>;
}

/// An invoker that calls a closure in this process.
///
/// ```
/// use bytes::Bytes;
/// let invoker = penstock_trigger::invoke::from_fn(|payload: Bytes| async move {
///     println!("{} bytes", payload.len());
///     Ok(Bytes::from_static(b"null"))
/// });
/// ```
pub fn from_fn<F, Answer>(function: F) -> FnInvoker<F>
where
    F: Fn(Bytes) -> Answer + Send + Sync,
    Answer: Future<Output = Result<Bytes, InvokeError>> + Send,
{
    FnInvoker(function)
}

/// Made by [`from_fn`].
pub struct FnInvoker<F>(F);

impl<F> fmt::Debug for FnInvoker<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FnInvoker")
    }
}

#[async_trait]
impl<F, Answer> Invoker for FnInvoker<F>
where
    F: Fn(Bytes) -> Answer + Send + Sync,
    Answer: Future<Output = Result<Bytes, InvokeError>> + Send,
{
    async fn invoke(&self, payload: Bytes) -> Result<Bytes, InvokeError> {
        (self.0)(payload).await
    }
}
