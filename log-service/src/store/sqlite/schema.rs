//! The tables as diesel sees them; `migrations/sqlite` makes them.

diesel::table! {
    logs {
        id -> BigInt,
        event_id -> Text,
        event_type -> Text,
        source -> Text,
        user_id -> Nullable<BigInt>,
        date -> BigInt,
        received_at -> BigInt,
        fingerprint -> Binary,
        message -> Text,
        search -> Text,
        data -> Text,
        viewer_1 -> Nullable<BigInt>,
        viewer_2 -> Nullable<BigInt>,
    }
}

diesel::table! {
    stream_tickets (ticket_hash) {
        ticket_hash -> Text,
        user_id -> BigInt,
        sealed -> Binary,
        expires_at -> BigInt,
    }
}
