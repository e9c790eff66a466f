//! Rewrites the generated files: `cargo run -p shared-events --example generate`.
//!
//! Golden files, schemas and the AsyncAPI document of this crate, and the table in `docs/events/README.md`.

use std::error::Error;
use std::fs;
use std::path::Path;

use shared_events::schema;

const BEGIN: &str = "<!-- events: begin (generated) -->\n";
const END: &str = "<!-- events: end -->";

fn main() -> Result<(), Box<dyn Error>> {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["golden", "schemas"] {
        let folder = crate_dir.join(folder);
        // The files of a removed event must not stay behind.
        if folder.is_dir() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
    }
    for (path, text) in schema::files()? {
        fs::write(crate_dir.join(path), text)?;
    }
    let guide = crate_dir.join("../docs/events/README.md");
    let text = fs::read_to_string(&guide)?;
    let (before, rest) = text.split_once(BEGIN).ok_or("the guide has no place for the table")?;
    let (_, after) = rest.split_once(END).ok_or("the guide's table has no end")?;
    fs::write(&guide, format!("{before}{BEGIN}{}{END}{after}", schema::table()?))?;
    Ok(())
}
