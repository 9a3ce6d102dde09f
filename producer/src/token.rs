//! Tokens for brokers that ask for one instead of a password (SASL/OAUTHBEARER).

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use rdkafka::client::OAuthToken;

/// What proves who asks, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// In milliseconds since 1970.
    pub expires_at_ms: i64,
}

/// Where tokens come from.
pub trait TokenSource: fmt::Debug + Send + Sync {
    /// A token. Asked for at the start, and again when four fifths of its life are over.
    ///
    /// # Errors
    /// There is none; the message says what to do.
    fn token(&self) -> Result<Token, Box<dyn Error>>;
}

/// Hands tokens to librdkafka.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens(pub(crate) Option<Arc<dyn TokenSource>>);

impl Tokens {
    pub(crate) fn for_librdkafka(&self) -> Result<OAuthToken, Box<dyn Error>> {
        let source = self.0.as_ref().ok_or("nothing here makes tokens for SASL/OAUTHBEARER: see --msk-iam")?;
        let Token { text, expires_at_ms } = source.token()?;
        // The broker reads the principal from the token; librdkafka wants some name for it.
        Ok(OAuthToken { token: text, principal_name: "penstock-producer".to_owned(), lifetime_ms: expires_at_ms })
    }
}
