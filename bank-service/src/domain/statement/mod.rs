//! Account statements: what moved on an account in a period, in the formats of banks.
//!
//! A format is given the statement, then each entry in its order, then the end; each time it appends bytes, so memory stays flat at
//! any size. It is pure: it knows no clock, no store and no HTTP. The same data gives the same bytes but for the creation time,
//! since every id is derived from account and period.

mod amount;
mod calendar;
mod camt053;
mod csv;
mod head;
mod line;
mod mt940;
mod ofx;
mod pdf;
mod period;
mod text;
mod writer;
mod xml;

pub use self::csv::Csv;
pub use calendar::Calendar;
pub use camt053::Camt053;
pub use head::{Statement, Sum, Totals};
pub use mt940::Mt940;
pub use ofx::Ofx;
pub use pdf::Pdf;
pub use period::{Period, PeriodFault};
pub use writer::{StatementFormat, StatementWriter};

#[cfg(test)]
mod fixture;
