//! Authorisation: one table, from which the checks, the tests and the OpenAPI text are derived.
//!
//! Deny by default: an action without a rule is refused. A rule names the callers who may act on every item ([`Rule::any`]) and
//! whether an owner may act on its own items ([`Rule::own`]). [`decide`] turns that into a [`Scope`], and every query and operation
//! carries the scope, so an item out of scope is not found: a foreign item and a missing one give the same answer.

use shared_events::UserId;

pub use super::policy_rules::RULES;
use super::role::{ADMIN, is_staff};
pub use super::scope::{OutOfScope, Scope};

/// An action of a caller. Routes that are aliases of each other share one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    // Identity
    Register,
    Login,
    LoginMfa,
    BeginMfa,
    ReadMfaQrCode,
    ActivateMfa,
    DeactivateMfa,
    CountRecoveryCodes,
    RenewRecoveryCodes,
    ResetMfa,
    Refresh,
    Logout,
    LogoutAll,
    Reauthenticate,
    ChangePassword,
    SendEmailVerification,
    VerifyEmail,
    ChangeEmail,
    ForgotPassword,
    ResetPassword,
    SendPhoneCode,
    VerifyPhone,
    ReadProfile,
    UpdateProfile,
    ListSessions,
    EndSession,
    ListSocialLogins,
    StartSocialLogin,
    ShowSocialCallback,
    FinishSocialLogin,
    UnlinkSocialLogin,
    ReadKeys,
    ListUsers,
    ReadUser,
    CreateUser,
    UpdateUser,
    DeleteUser,
    ListRoles,
    ReadRole,
    CreateRole,
    UpdateRole,
    DeleteRole,
    // Reference data
    ListSocialStatuses,
    ReadSocialStatus,
    CreateSocialStatus,
    UpdateSocialStatus,
    DeleteSocialStatus,
    ListCities,
    ReadCity,
    CreateCity,
    UpdateCity,
    DeleteCity,
    ListBanks,
    ReadBank,
    CreateBank,
    UpdateBank,
    DeleteBank,
    ListBranches,
    ReadBranch,
    CreateBranch,
    UpdateBranch,
    DeleteBranch,
    // Items that belong to a user
    ListClients,
    ReadClient,
    CreateClient,
    UpdateClient,
    DeleteClient,
    ListAccounts,
    ReadAccount,
    CreateAccount,
    UpdateAccount,
    DeleteAccount,
    ListCards,
    ReadCard,
    CreateCard,
    UpdateCard,
    DeleteCard,
    // Events after their commit
    ReadEvent,
    ListDeadLetters,
    ReadDeadLetter,
    ReplayDeadLetters,
    DiscardDeadLetters,
    ListDevices,
    RegisterDevice,
    RemoveDevice,
    TestDevice,
    StreamChanges,
    // Money
    CreateTransfer,
    CreateTransfers,
    CaptureTransfer,
    VoidTransfer,
    ReverseTransfer,
    ReadTransfer,
    MoveOutside,
    ReadEntries,
    ReadLedger,
    VerifyLedger,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// The callers who may act on every item, of any owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Nobody,
    Admin,
    /// Managers and admins.
    Staff,
    /// Every user with a role, including roles added later.
    AnyRole,
    /// Every caller, even without a token.
    Everybody,
}

impl Who {
    fn includes(self, roles: &[String]) -> bool {
        let has = |role: &str| roles.iter().any(|given| given == role);
        match self {
            Self::Nobody => false,
            Self::Admin => has(ADMIN),
            Self::Staff => is_staff(roles),
            Self::AnyRole => !roles.is_empty(),
            Self::Everybody => true,
        }
    }
}

/// A row of the table: an action, its routes, and the callers who may.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub action: Action,
    pub any: Who,
    pub own: bool,
    /// Method and path pattern, as in the OpenAPI document.
    pub routes: &'static [(Method, &'static str)],
}

impl Rule {
    /// The rule as a sentence, for the OpenAPI document.
    pub fn text(&self) -> String {
        let any = match self.any {
            Who::Nobody => "",
            Who::Admin => "`admin`",
            Who::Staff => "`manager` or `admin`",
            Who::AnyRole => "any role",
            Who::Everybody => "everybody, no token",
        };
        match (any, self.own) {
            ("", true) => "Access: every user, for itself.".to_owned(),
            (any, true) => format!("Access: {any}; the owner, for its own."),
            (any, false) => format!("Access: {any}."),
        }
    }
}

/// The scope in which a user with these roles may do this; none: not allowed.
pub fn decide(action: Action, user_id: UserId, roles: &[String]) -> Option<Scope> {
    let rule = rule(action)?;
    if rule.any.includes(roles) {
        return Some(Scope::All);
    }
    rule.own.then_some(Scope::Own(user_id))
}

/// The row of an action. Every action has exactly one (tested).
pub fn rule(action: Action) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.action == action)
}

/// The row of a route, by method and pattern.
pub fn rule_of_route(method: Method, path: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.routes.contains(&(method, path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: i64) -> UserId {
        UserId::try_new(id).unwrap()
    }

    fn roles(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn every_action_and_every_route_has_exactly_one_rule() {
        let mut actions = std::collections::HashSet::new();
        let mut routes = std::collections::HashSet::new();
        for rule in RULES {
            assert!(actions.insert(rule.action), "{:?} twice", rule.action);
            assert!(!rule.routes.is_empty(), "{:?} has no route", rule.action);
            for route in rule.routes {
                assert!(routes.insert(route), "{route:?} twice");
            }
        }
    }

    #[test]
    fn staff_reads_all_accounts_and_an_owner_its_own() {
        let scope = |names: &[&str]| decide(Action::ReadAccount, user(7), &roles(names));
        assert_eq!(scope(&["manager"]), Some(Scope::All));
        assert_eq!(scope(&["user", "admin"]), Some(Scope::All));
        assert_eq!(scope(&["user"]), Some(Scope::Own(user(7))));
        assert_eq!(scope(&["auditor"]), Some(Scope::Own(user(7))));
    }

    #[test]
    fn a_manager_opens_accounts_for_itself_only() {
        assert_eq!(decide(Action::CreateAccount, user(7), &roles(&["manager"])), Some(Scope::Own(user(7))));
        assert_eq!(decide(Action::CreateAccount, user(7), &roles(&["admin"])), Some(Scope::All));
    }

    /// The contract's page, repeated by hand: a slip in the table fails the test.
    #[test]
    fn the_table_matches_the_contract() {
        let expected = [
            ("/api/banks", Who::AnyRole, false, Who::Staff, false),
            ("/api/cities", Who::AnyRole, false, Who::Staff, false),
            ("/api/social-statuses", Who::AnyRole, false, Who::Staff, false),
            ("/api/branches", Who::AnyRole, false, Who::Staff, false),
            ("/api/banks/{bank_id}/branches", Who::AnyRole, false, Who::Staff, false),
            ("/api/clients/", Who::Staff, true, Who::Admin, true),
            ("/api/accounts", Who::Staff, true, Who::Admin, true),
            ("/api/banks/{bank_id}/accounts", Who::Staff, true, Who::Admin, true),
            ("/api/cards", Who::Staff, true, Who::Admin, true),
            ("/api/devices", Who::Nobody, true, Who::Nobody, true),
            ("/api/transfers", Who::Staff, true, Who::Staff, true),
            ("/api/ledger/", Who::Staff, false, Who::Nobody, false),
            ("/api/ledger/verify", Who::Admin, false, Who::Admin, false),
            ("/api/events/stream", Who::Staff, true, Who::Staff, true),
            ("/api/users/", Who::Admin, true, Who::Admin, false),
            ("/api/roles", Who::Admin, false, Who::Admin, false),
            ("/api/events", Who::Staff, false, Who::Nobody, false),
            ("/api/dead-letters", Who::Admin, false, Who::Admin, false),
        ];
        let routes = || RULES.iter().flat_map(|rule| rule.routes.iter().map(move |route| (rule, route)));
        for (rule, (method, path)) in routes().filter(|(_, (_, path))| path.starts_with("/api/")) {
            let given = (rule.any, rule.own);
            let exception = match (*method, *path) {
                (Method::Get, "/api/clients")
                | (
                    Method::Post,
                    "/api/transfers/{id}/reverse" | "/api/accounts/{id}/deposits" | "/api/accounts/{id}/withdrawals",
                ) => Some((Who::Staff, false)),
                (Method::Post, "/api/clients") => Some((Who::Admin, true)),
                (_, "/api/users") => Some((Who::Admin, false)),
                _ => None,
            };
            // The longest prefix is the most specific one.
            let row = expected.iter().filter(|row| path.starts_with(row.0)).max_by_key(|row| row.0.len());
            let by_row = row.map(|row| if *method == Method::Get { (row.1, row.2) } else { (row.3, row.4) });
            assert_eq!(Some(given), exception.or(by_row), "{} {path}", method.as_str());
        }
    }

    #[test]
    fn reference_data_is_changed_by_staff_and_read_by_any_role() {
        for (names, read, create) in [
            (&["admin"][..], true, true),
            (&["manager"], true, true),
            (&["auditor"], true, false),
            (&["user"], true, false),
            (&[], false, false),
        ] {
            assert_eq!(decide(Action::ReadBank, user(7), &roles(names)).is_some(), read, "{names:?}");
            assert_eq!(decide(Action::CreateBank, user(7), &roles(names)).is_some(), create, "{names:?}");
        }
    }
}
