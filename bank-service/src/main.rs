//! The bank-service process.

use std::process::ExitCode;

/// Gives memory back after a flood, which the system's allocator does not with many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    bank_service::cli::main()
}
