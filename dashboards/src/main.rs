//! Writes what the description says into the repository: `make dashboards`.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in penstock_dashboards::files()? {
        std::fs::write(root.join(file.path), file.text).map_err(|error| format!("{}: {error}", file.path))?;
    }
    Ok(())
}
