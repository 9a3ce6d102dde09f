//! Requests to services of AWS, or to an emulator of them, signed.
//!
//! Only the signature comes from AWS's crate for it.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};

use crate::clock::Clock;

/// Where services of AWS answer, and as whom they are asked.
#[derive(Clone)]
pub struct AwsAccess {
    /// `http://HOST:PORT`
    pub endpoint: String,
    /// The region of buckets. The ARNs of queues and topics name theirs.
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

impl AwsAccess {
    #[cfg(test)]
    pub(crate) fn of_tests(endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            region: "us-east-1".to_owned(),
            access_key_id: "test".to_owned(),
            secret_access_key: "test".to_owned(),
            session_token: None,
        }
    }

    /// Without a slash at its end.
    pub(crate) fn endpoint(&self) -> &str {
        self.endpoint.trim_end_matches('/')
    }
}

/// A request before it is signed.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) service: &'static str,
    pub(crate) region: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Bytes,
}

impl Call {
    /// The request with its signature; `clock` dates it.
    pub(crate) fn signed(
        self,
        access: &AwsAccess,
        clock: &Clock,
    ) -> Result<Request<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
        let uri = format!("{}{}", access.endpoint(), self.path);
        let token = access.session_token.clone();
        let credentials =
            Credentials::new(&access.access_key_id, &access.secret_access_key, token, None, "penstock-trigger");
        let identity = credentials.into();
        let mut settings = SigningSettings::default();
        // S3 signs the path as it is sent; the others encode it once more.
        settings.percent_encoding_mode = match self.service {
            "s3" => PercentEncodingMode::Single,
            _ => PercentEncodingMode::Double,
        };
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let millis = u64::try_from(clock()).unwrap_or(0);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(UNIX_EPOCH + Duration::from_millis(millis))
            .settings(settings)
            .build()?
            .into();
        let body = SignableBody::Bytes(&self.body);
        let signable = SignableRequest::new(self.method.as_str(), &uri, self.headers.iter().copied(), body)?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let mut request = Request::builder().method(self.method).uri(uri);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Full::new(self.body))?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}
