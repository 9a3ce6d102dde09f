//! The edge: what knows the environment, the time and Lambda, shared by the functions and the command line.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod settings;
mod lake;
mod clock;
mod failure;
mod function;
mod runtime_api;

pub use clock::SystemClock;
pub use failure::{Failure, Kind};
pub use function::{Call, Function, is_started_by_lambda, run_function, start_logging};
pub use lake::{Lake, LakeUrl};
pub use settings::{
    CatalogSettings, CutSettings, FailureResponse, FunctionSettings, IngestSettings, NOTIFY_VARIABLES, NotifySettings,
    SecretPlace, Settings, SettingsError, TelegramSettings, VARIABLES, Variable, dataset, dataset_file, env,
};
