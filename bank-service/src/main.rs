//! The bank-service process.

use std::process::ExitCode;

fn main() -> ExitCode {
    bank_service::cli::main()
}
