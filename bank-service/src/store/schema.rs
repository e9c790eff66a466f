//! The tables, as `migrations/` creates them. Times are UTC, cut to microseconds.

diesel::table! { sequences (name) { name -> Text, next_value -> BigInt, } }

diesel::table! {
    users (id) {
        id -> BigInt,
        email -> Text,
        email_key -> Text,
        /// When the owner verified the address; null until then.
        email_verified_at -> Nullable<Timestamp>,
        password_hash -> Nullable<Text>,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        username -> Nullable<Text>,
        language -> Nullable<Text>,
        country -> Nullable<Text>,
        is_blocked -> Bool,
        blocked_on -> Nullable<Timestamp>,
        last_login_date -> Nullable<Timestamp>,
        registered_on -> Timestamp,
        failed_logins -> Integer,
        login_not_before -> Nullable<Timestamp>,
        version -> BigInt,
        /// Counts the changes of password, second factor, logins and block.
        credential_version -> BigInt,
        /// When the account's holder was first known to read the mail of its address; null until then.
        settled_at -> Nullable<Timestamp>,
    }
}

diesel::table! { roles (id) { id -> BigInt, name -> Text, version -> BigInt, } }

diesel::table! { user_roles (user_id, role_id) { user_id -> BigInt, role_id -> BigInt, } }

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> BigInt,
        created_at -> Timestamp,
        auth_time -> Timestamp,
        last_used_at -> Timestamp,
        expires_at -> Timestamp,
        revoked_at -> Nullable<Timestamp>,
        user_agent -> Nullable<Text>,
        remote_addr -> Nullable<Text>,
        /// How identity was proved: RFC 8176 values, separated by spaces.
        amr -> Text,
    }
}

diesel::table! {
    refresh_tokens (token_hash) {
        token_hash -> Text,
        session_id -> Text,
        issued_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
        /// The remote address of the use.
        used_from -> Nullable<Text>,
        successor_hash -> Nullable<Text>,
        /// HMAC of the `Idempotency-Key` of the use.
        retry_key -> Nullable<Text>,
        /// The response to the use, until `answer_until`.
        sealed_answer -> Nullable<Binary>,
        answer_until -> Nullable<Timestamp>,
    }
}

diesel::table! {
    console_sessions (cookie_hash) {
        cookie_hash -> Text,
        session_id -> Text,
    }
}

diesel::table! {
    one_time_secrets (id) {
        id -> Text,
        purpose -> Text,
        user_id -> Nullable<BigInt>,
        /// `-`, `-2`, `-3` where a user has at most that many, else the id.
        slot -> Text,
        /// The address or number that it verifies.
        subject -> Text,
        secret_hash -> Text,
        /// Wrong answers so far.
        attempts -> Integer,
        max_attempts -> Integer,
        created_at -> Timestamp,
        cooldown_until -> Timestamp,
        expires_at -> Timestamp,
        /// When it was used or voided.
        consumed_at -> Nullable<Timestamp>,
        window_began_at -> Timestamp,
        issued_in_window -> Integer,
        generation -> BigInt,
        /// The session that requested it.
        session_id -> Nullable<Text>,
    }
}

diesel::table! {
    counters (counter_key) {
        /// HMAC over the subject of the count.
        counter_key -> Text,
        total -> Integer,
        began_at -> Timestamp,
        changed_at -> Timestamp,
        not_before -> Nullable<Timestamp>,
    }
}

diesel::table! {
    login_devices (token_hash) {
        token_hash -> Text,
        user_id -> BigInt,
        /// The session that its token was issued in.
        session_id -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        failures -> Integer,
        failing_since -> Nullable<Timestamp>,
    }
}

diesel::table! {
    known_networks (user_id, network) { user_id -> BigInt, network -> Text, last_login_at -> Timestamp, }
}

diesel::table! {
    stream_tickets (ticket_hash) {
        ticket_hash -> Text,
        stream -> Text,
        user_id -> BigInt,
        /// From 0: a user has at most as many tickets as slots.
        slot -> Integer,
        session_id -> Text,
        token_expires_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    vault_keys (id) {
        /// There is one row, 1.
        id -> BigInt,
        /// HMAC that names the key.
        fingerprint -> Text,
        development -> Bool,
        since -> Timestamp,
    }
}

diesel::table! { user_phones (user_id) { user_id -> BigInt, number -> Text, verified_at -> Timestamp, } }

diesel::table! {
    totp_factors (user_id) {
        user_id -> BigInt,
        factor_id -> Text,
        sealed_seed -> Binary,
        created_at -> Timestamp,
        pending_until -> Nullable<Timestamp>,
        qr_shown -> Bool,
        activated_at -> Nullable<Timestamp>,
        last_used_step -> BigInt,
        failed_tries -> Integer,
        try_not_before -> Nullable<Timestamp>,
    }
}

diesel::table! {
    recovery_codes (user_id, code_hash) {
        user_id -> BigInt,
        code_hash -> Text,
        created_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    signing_keys (kid) {
        kid -> Text,
        sealed_private_key -> Binary,
        public_key -> Binary,
        created_at -> Timestamp,
        /// Null: from its creation on.
        signs_from -> Nullable<Timestamp>,
        retired_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    devices (id) {
        id -> BigInt,
        user_id -> BigInt,
        device_id -> Text,
        device_type -> Text,
        sealed_push_token -> Nullable<Binary>,
        /// HMAC of the token; null once another device has it.
        push_token_hash -> Nullable<Text>,
        registered_on -> Timestamp,
    }
}

diesel::table! {
    imported_users (user_id) { user_id -> BigInt, customer_id -> Text, imported_on -> Timestamp, }
}

diesel::table! {
    social_logins (user_id, provider) {
        user_id -> BigInt,
        provider -> Text,
        identity_key -> Text,
        issuer -> Text,
        subject -> Text,
        email -> Nullable<Text>,
        linked_at -> Timestamp,
        last_used_at -> Nullable<Timestamp>,
    }
}

diesel::table! { social_statuses (id) { id -> BigInt, name -> Text, version -> BigInt, } }
diesel::table! { cities (id) { id -> BigInt, name -> Text, version -> BigInt, } }
diesel::table! { banks (id) { id -> BigInt, name -> Text, version -> BigInt, } }
diesel::table! { branches (id) { id -> BigInt, bank_id -> BigInt, city_id -> BigInt, version -> BigInt, } }

diesel::table! {
    clients (id) {
        id -> BigInt,
        name -> Text,
        social_status_id -> Nullable<BigInt>,
        user_id -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    accounts (id) {
        id -> BigInt,
        currency -> Text,
        client_id -> BigInt,
        bank_id -> BigInt,
        iban -> Nullable<Text>,
    }
}

diesel::table! { cards (id) { id -> BigInt, account_id -> BigInt, } }

diesel::table! {
    former_names (kind, party_id, valid_until) {
        /// `bank` or `client`.
        kind -> Text,
        party_id -> BigInt,
        /// When the party was renamed or deleted.
        valid_until -> Timestamp,
        name -> Text,
    }
}

diesel::table! {
    /// The ledger account of account n is 2n, that of card n is 2n + 1.
    ledger_accounts (id) {
        id -> BigInt,
        kind -> Text,
        bank_id -> BigInt,
        client_id -> Nullable<BigInt>,
        user_id -> Nullable<BigInt>,
        currency -> Text,
        balance -> BigInt,
        held -> BigInt,
        min_balance -> BigInt,
        seq -> BigInt,
        posted_at -> Nullable<Timestamp>,
        opened_at -> Timestamp,
        closed_at -> Nullable<Timestamp>,
        iban -> Nullable<Text>,
    }
}

diesel::table! {
    ledger_stripes (bank_id, currency, kind, stripe) {
        bank_id -> BigInt,
        currency -> Text,
        kind -> Text,
        stripe -> Integer,
        ledger_id -> BigInt,
    }
}

diesel::table! {
    transfers (id) {
        id -> Text,
        from_id -> BigInt,
        to_id -> BigInt,
        amount -> BigInt,
        currency -> Text,
        kind -> Text,
        status -> Text,
        reference -> Nullable<Text>,
        description -> Nullable<Text>,
        captured_amount -> Nullable<BigInt>,
        reversed_amount -> BigInt,
        hold_id -> Nullable<Text>,
        reverses_id -> Nullable<Text>,
        from_name -> Text,
        to_name -> Text,
        /// The entries that the transfer made on its two sides.
        from_seq -> BigInt,
        to_seq -> Nullable<BigInt>,
        created_at -> Timestamp,
        posted_at -> Nullable<Timestamp>,
        ended_at -> Nullable<Timestamp>,
        expires_at -> Nullable<Timestamp>,
        /// `expires_at` while the hold is open.
        open_until -> Nullable<Timestamp>,
        actor -> Nullable<BigInt>,
        event_id -> Nullable<Text>,
        /// A hash of the caller, its key and the place in a batch.
        request_key -> Nullable<Text>,
        request_hash -> Nullable<Text>,
    }
}

diesel::table! {
    ledger_checkpoints (ledger_id) {
        ledger_id -> BigInt,
        seq -> BigInt,
        balance -> BigInt,
        held -> BigInt,
        min_balance -> BigInt,
        posted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    ledger_entries (ledger_id, seq) {
        ledger_id -> BigInt,
        seq -> BigInt,
        transfer_id -> Nullable<Text>,
        amount -> BigInt,
        held_change -> BigInt,
        balance_after -> BigInt,
        held_after -> BigInt,
        min_balance_after -> BigInt,
        posted_at -> Timestamp,
    }
}

diesel::table! {
    outbox (id) {
        id -> BigInt,
        event_id -> Text,
        event_type -> Text,
        /// The whole message as JSON.
        message -> Text,
        created_at -> Timestamp,
        /// When the relay may take the row; null once it is sent.
        due_at -> Nullable<Timestamp>,
        sent_at -> Nullable<Timestamp>,
        /// The paused queue that the row waits for, if any.
        waiting_for -> Nullable<Text>,
        /// The progress of each queue, as JSON.
        progress -> Nullable<Text>,
        /// Since when no queue takes it.
        returned_at -> Nullable<Timestamp>,
        /// When the relay gave up finding a queue for it; `due_at` is then never reached.
        unrouted_at -> Nullable<Timestamp>,
        /// The whole message, if `message` is without its secrets; null once it is sent.
        sealed -> Nullable<Binary>,
    }
}

diesel::table! {
    mail_receipts (event_id) {
        event_id -> Text,
        /// `sent` or `rejected`.
        state -> Text,
        message_id -> Nullable<Text>,
        reason -> Nullable<Text>,
        received_at -> Timestamp,
        /// When the log entry is due; null once it is posted, or if the mail was rejected.
        due_at -> Nullable<Timestamp>,
        posted_at -> Nullable<Timestamp>,
        attempts -> Integer,
    }
}

diesel::table! {
    idempotency_keys (caller, idempotency_key) {
        caller -> Text,
        idempotency_key -> Text,
        request_hash -> Text,
        response -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    dead_letter_actions (id) {
        id -> Text,
        event_id -> Text,
        queue -> Text,
        /// `replayed` or `discarded`.
        action -> Text,
        /// The operator; null on the command line.
        user_id -> Nullable<BigInt>,
        acted_at -> Timestamp,
        /// In the operator's words; null where none was given.
        reason -> Nullable<Text>,
    }
}

diesel::joinable!(user_roles -> users (user_id));
diesel::joinable!(user_roles -> roles (role_id));
diesel::joinable!(imported_users -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(refresh_tokens -> sessions (session_id));
diesel::joinable!(branches -> banks (bank_id));
diesel::joinable!(branches -> cities (city_id));
diesel::joinable!(clients -> users (user_id));
diesel::joinable!(clients -> social_statuses (social_status_id));
diesel::joinable!(accounts -> clients (client_id));
diesel::joinable!(accounts -> banks (bank_id));
diesel::joinable!(cards -> accounts (account_id));

diesel::allow_tables_to_appear_in_same_query!(
    users,
    imported_users,
    roles,
    user_roles,
    sessions,
    refresh_tokens,
    social_statuses,
    cities,
    banks,
    branches,
    clients,
    accounts,
    cards,
    ledger_accounts,
    ledger_entries,
    transfers,
);
