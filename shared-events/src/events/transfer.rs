//! Money that moved, or is held to be moved.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Verb::{Create, Update};
use super::{PUBLIC, declare_events, example_id};
use crate::ids::{AccountId, BankId, CardId, UserId};
use crate::money::Currency;

/// A side of a transfer, as it is after it: an account, a card, or a bank's own `cash`, `opening`, `adjustments` or `closed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TransferSide {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_id: Option<CardId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank_id: Option<BankId>,
    /// Which of the bank's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The owner; none for a bank.
    pub user_id: Option<UserId>,
    pub balance_after: i64,
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub held_after: i64,
    /// The number of its last entry: of two events, the one with the greater number is newer.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub seq: i64,
}

/// A transfer; amounts are in the minor unit of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Transfer {
    pub id: Uuid,
    pub from: TransferSide,
    pub to: TransferSide,
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub amount: i64,
    pub currency: Currency,
    /// `transfer`, `deposit`, `withdrawal`, `opening`, `adjustment`, `closing` or `reversal`.
    pub kind: String,
    /// `posted`, `held`, `captured`, `voided` or `expired`.
    pub status: String,
    /// The sender's end-to-end id.
    pub reference: Option<String>,
    pub description: Option<String>,
    pub captured_amount: Option<i64>,
    /// The hold that this transfer captures.
    pub hold_id: Option<Uuid>,
    /// The transfer that this one reverses.
    pub reverses_id: Option<Uuid>,
    /// When the money moved.
    #[serde(with = "crate::date::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub posted_at: Option<DateTime<Utc>>,
    /// When the hold ends by itself.
    #[serde(with = "crate::date::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub expires_at: Option<DateTime<Utc>>,
}

fn side(account: i64, balance_after: i64, held_after: i64) -> TransferSide {
    TransferSide {
        account_id: Some(example_id(account)),
        card_id: None,
        bank_id: None,
        system: None,
        user_id: Some(example_id(account)),
        balance_after,
        held_after,
        seq: 2,
    }
}

fn posted() -> Transfer {
    Transfer {
        id: Uuid::from_u128(0x0193_7f2a_1b3c_7d4e_8f5a_6b7c_8d9e_0f1a),
        from: side(1, 420, 0),
        to: side(2, 100, 0),
        amount: 100,
        currency: Currency::EUR,
        kind: "transfer".to_owned(),
        status: "posted".to_owned(),
        reference: Some("INVOICE-7".to_owned()),
        description: None,
        captured_amount: None,
        hold_id: None,
        reverses_id: None,
        posted_at: DateTime::from_timestamp(1_737_047_426, 0),
        expires_at: None,
    }
}

fn hold(status: &str) -> Transfer {
    Transfer {
        from: side(1, 520, if status == "held" { 100 } else { 0 }),
        status: status.to_owned(),
        posted_at: None,
        expires_at: DateTime::from_timestamp(1_737_652_226, 0),
        ..posted()
    }
}

fn captured() -> Transfer {
    Transfer { hold_id: Some(Uuid::from_u128(0x0193_7f2a_0000_7d4e_8f5a_6b7c_8d9e_0f1a)), ..posted() }
}

fn reversed() -> Transfer {
    Transfer { kind: "reversal".to_owned(), reverses_id: captured().hold_id, ..posted() }
}

declare_events! {
    TRANSFER:
    TransferPosted(Transfer) = "transfer.posted", PUBLIC.live("transfer", Create), "Money was moved.",
        |transfer| format!("Transfer posted with ID: {}", transfer.id), posted();
    TransferHeld(Transfer) = "transfer.held", PUBLIC.live("transfer", Create), "Money was held, to be moved later.",
        |transfer| format!("Transfer held with ID: {}", transfer.id), hold("held");
    TransferCaptured(Transfer) = "transfer.captured", PUBLIC.live("transfer", Create), "Held money was moved.",
        |transfer| format!("Transfer captured with ID: {}", transfer.id), captured();
    TransferVoided(Transfer) = "transfer.voided", PUBLIC.live("transfer", Update), "A hold was given up.",
        |transfer| format!("Transfer voided with ID: {}", transfer.id), hold("voided");
    TransferExpired(Transfer) = "transfer.expired", PUBLIC.live("transfer", Update), "A hold ran out.",
        |transfer| format!("Transfer expired with ID: {}", transfer.id), hold("expired");
    TransferReversed(Transfer) = "transfer.reversed", PUBLIC.live("transfer", Create), "Money was given back.",
        |transfer| format!("Transfer reversed with ID: {}", transfer.id), reversed();
}
