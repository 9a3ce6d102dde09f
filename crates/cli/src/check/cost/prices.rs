//! What AWS takes, and what else a bill depends on: a TOML file that ships, or one of your own.

use std::path::Path;

use penstock_runtime::Failure;
use serde::Deserialize;

const SHIPPED: &str = include_str!("../../../prices.toml");

#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Prices {
    pub(super) lambda: Lambda,
    pub(super) s3: S3,
    pub(super) assumed: Assumed,
}

/// Dollars, and the memory that functions get.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Lambda {
    pub(super) gb_second: f64,
    pub(super) million_requests: f64,
    pub(super) ingest_memory_mb: f64,
    pub(super) refine_memory_mb: f64,
    /// Memory that brings one whole core; less brings a share of it.
    pub(super) mb_per_core: f64,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct S3 {
    /// PUT and LIST.
    pub(super) thousand_puts: f64,
    pub(super) thousand_gets: f64,
    pub(super) gb_month: f64,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Assumed {
    /// What one request to S3 takes; the function waits and pays.
    pub(super) request_wait_ms: f64,
}

impl Prices {
    /// The file's prices, or those that ship.
    pub(super) fn read(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = file else { return Self::parse(SHIPPED).map_err(Failure::bug) };
        let at = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::misconfigured(format!("cannot read the prices in {at}: {error}")))?;
        Self::parse(&text).map_err(|problem| {
            let remedy = "crates/cli/prices.toml shows what such a file holds";
            Failure::misconfigured(format!("the prices in {at} cannot be used: {problem}; {remedy}"))
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let prices: Self = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let Self { lambda, s3, assumed } = &prices;
        let numbers = [
            ("lambda.gb_second", lambda.gb_second),
            ("lambda.million_requests", lambda.million_requests),
            ("s3.thousand_puts", s3.thousand_puts),
            ("s3.thousand_gets", s3.thousand_gets),
            ("s3.gb_month", s3.gb_month),
            ("assumed.request_wait_ms", assumed.request_wait_ms),
        ];
        // Whoever gives no memory would divide by nothing.
        let memories = [
            ("lambda.ingest_memory_mb", lambda.ingest_memory_mb),
            ("lambda.refine_memory_mb", lambda.refine_memory_mb),
            ("lambda.mb_per_core", lambda.mb_per_core),
        ];
        let is_number = |value: f64| value.is_finite() && 0.0 <= value;
        let wrong = numbers.into_iter().find(|(_, value)| !is_number(*value));
        let wrong = wrong.or_else(|| memories.into_iter().find(|(_, value)| !is_number(*value) || *value < 1.0));
        match wrong {
            Some((name, value)) => Err(format!("`{name}` is {value}")),
            None => Ok(prices),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_price_is_named() {
        let check = |old: &str, new: &str, expect: &str| {
            let text = SHIPPED.replace(old, new);
            assert_ne!(text, SHIPPED);
            assert_eq!(Prices::parse(&text).unwrap_err(), expect);
        };
        assert!(Prices::parse(SHIPPED).is_ok());
        check("gb_month = ", "gb_moth = ", "missing field `gb_month`");
        check("thousand_puts = ", "thousand_puts = -", "`s3.thousand_puts` is -0.005");
        check("mb_per_core = 1769", "mb_per_core = 0", "`lambda.mb_per_core` is 0");
        check("gb_month = 0.023", "gb_month = nan", "`s3.gb_month` is NaN");
    }
}
