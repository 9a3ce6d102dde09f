//! Tokens for Amazon MSK with IAM: credentials of AWS instead of a user of Kafka's.
//!
//! A token is a request to connect to a cluster, signed in its address (SigV4, 15 minutes) and in base64url. AWS documents
//! it by the signers that it publishes, such as <https://github.com/aws/aws-msk-iam-sasl-signer-python>.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use tokio::runtime::{Builder, Runtime};

use crate::sink::SinkError;
use crate::token::{Token, TokenSource};

const LIFETIME: Duration = Duration::from_secs(900);
const USER_AGENT: &str = concat!("penstock-producer%2F", env!("CARGO_PKG_VERSION"));

/// Makes tokens of the credentials in the AWS environment.
#[derive(Debug)]
pub struct MskIam {
    region: String,
    credentials: SharedCredentialsProvider,
    /// The present in UTC microseconds.
    now_us: fn() -> i64,
    runtime: Runtime,
}

impl MskIam {
    /// Finds region and credentials in the environment. `now_us` dates the signatures, in UTC microseconds.
    ///
    /// # Errors
    /// No region, or no credentials.
    pub fn from_environment(now_us: fn() -> i64) -> Result<Self, SinkError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| SinkError::Broken(format!("cannot wait for credentials: {error}")))?;
        let environment = runtime.block_on(aws_config::load_defaults(BehaviorVersion::latest()));
        let (region, credentials) = region_and_credentials(&environment).map_err(SinkError::Misconfigured)?;
        let source = Self { region, credentials, now_us, runtime };
        source.token().map_err(|error| SinkError::Misconfigured(error.to_string()))?;
        Ok(source)
    }
}

fn region_and_credentials(environment: &SdkConfig) -> Result<(String, SharedCredentialsProvider), String> {
    let region =
        environment.region().ok_or("no AWS region is configured: set AWS_REGION to the region of the cluster")?;
    let credentials = environment.credentials_provider().ok_or_else(|| no_credentials("none are configured"))?;
    Ok((region.to_string(), credentials))
}

fn no_credentials(problem: &str) -> String {
    format!("no AWS credentials ({problem}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
}

impl TokenSource for MskIam {
    fn token(&self) -> Result<Token, Box<dyn Error>> {
        let credentials = self.runtime.block_on(self.credentials.provide_credentials());
        let credentials = credentials
            .map_err(|error| no_credentials(&error.source().map_or_else(|| error.to_string(), ToString::to_string)))?;
        // Signatures have no fractions of seconds.
        let seconds = u64::try_from((self.now_us)() / 1_000_000)?;
        let at = UNIX_EPOCH + Duration::from_secs(seconds);
        let address = format!("{}&User-Agent={USER_AGENT}", presigned(&self.region, credentials, at)?);
        let expires_at_ms = i64::try_from((seconds + LIFETIME.as_secs()) * 1000)?;
        Ok(Token { text: base64_simd::URL_SAFE_NO_PAD.encode_to_string(address), expires_at_ms })
    }
}

/// The address of a request to connect, with its signature.
fn presigned(region: &str, credentials: Credentials, at: SystemTime) -> Result<String, Box<dyn Error>> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(LIFETIME);
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("kafka-cluster")
        .time(at)
        .settings(settings)
        .build()?
        .into();
    let mut address = format!("https://kafka.{region}.amazonaws.com/?Action=kafka-cluster%3AConnect");
    let request = SignableRequest::new("GET", &address, std::iter::empty(), SignableBody::Bytes(&[]))?;
    let (instructions, _) = sign(request, &parameters)?.into_parts();
    for (name, value) in instructions.params() {
        address.push_str(&format!("&{name}={}", escaped(value)));
    }
    Ok(address)
}

/// Percent-encoded but for letters, digits and `-._~`, as signatures demand it.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T12:00:00Z, and a moment more.
    const NOW_US: i64 = 1_795_262_400_999_999;

    fn check(session_token: Option<&str>, expect: &str) {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let credentials = Credentials::new("AKIDEXAMPLE", secret, session_token.map(str::to_owned), None, "test");
        let source = MskIam {
            region: "eu-central-1".to_owned(),
            credentials: SharedCredentialsProvider::new(credentials),
            now_us: || NOW_US,
            runtime: Builder::new_current_thread().build().unwrap(),
        };
        let token = source.token().unwrap();
        assert_eq!(token.expires_at_ms, 1_795_262_400_000 + 900_000);
        let address = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(&token.text).unwrap();
        let address = String::from_utf8(address).unwrap();
        let (start, query) = address.split_once('?').unwrap();
        assert_eq!(start, "https://kafka.eu-central-1.amazonaws.com/");
        let mut parameters: Vec<&str> = query.split('&').filter(|one| !one.starts_with("User-Agent=")).collect();
        parameters.sort_unstable();
        assert_eq!(parameters.join("\n"), expect);
    }

    /// The signatures are those of botocore's `SigV4QueryAuth` for the same credentials and time.
    #[test]
    fn a_token_is_what_the_signers_of_aws_make() {
        check(
            None,
            "Action=kafka-cluster%3AConnect\n\
             X-Amz-Algorithm=AWS4-HMAC-SHA256\n\
             X-Amz-Credential=AKIDEXAMPLE%2F20261121%2Feu-central-1%2Fkafka-cluster%2Faws4_request\n\
             X-Amz-Date=20261121T120000Z\n\
             X-Amz-Expires=900\n\
             X-Amz-Signature=7fd5029894d45e3b08dd0928876a55ce75c3461e98b3acd3d9a2ab469923c002\n\
             X-Amz-SignedHeaders=host",
        );
        check(
            Some("se/ss+ion=="),
            "Action=kafka-cluster%3AConnect\n\
             X-Amz-Algorithm=AWS4-HMAC-SHA256\n\
             X-Amz-Credential=AKIDEXAMPLE%2F20261121%2Feu-central-1%2Fkafka-cluster%2Faws4_request\n\
             X-Amz-Date=20261121T120000Z\n\
             X-Amz-Expires=900\n\
             X-Amz-Security-Token=se%2Fss%2Bion%3D%3D\n\
             X-Amz-Signature=3ace88ce215d46bf45781c520ea5bfcc6a93520f4652507e6a9a0d5bdecfaf37\n\
             X-Amz-SignedHeaders=host",
        );
    }
}
