//! The table of rules itself. Data only; `policy` reads it.

use super::policy::Method::{self, Delete, Get, Post, Put};
use super::policy::Who::{Admin, AnyRole, Everybody, Nobody, Staff};
use super::policy::{Action, Rule, Who};

type Routes = &'static [(Method, &'static str)];

/// Callers of `any`, on every item.
const fn all(any: Who, action: Action, routes: Routes) -> Rule {
    Rule { action, any, own: false, routes }
}

/// Callers of `any` on every item, and an owner on its own items.
const fn or_owner(any: Who, action: Action, routes: Routes) -> Rule {
    Rule { action, any, own: true, routes }
}

pub const RULES: &[Rule] = &[
    all(Everybody, Action::Register, &[(Post, "/auth/register")]),
    all(Everybody, Action::Login, &[(Post, "/auth/login")]),
    all(Everybody, Action::LoginMfa, &[(Post, "/auth/login/mfa")]),
    or_owner(Nobody, Action::BeginMfa, &[(Post, "/auth/mfa/totp")]),
    or_owner(Nobody, Action::ReadMfaQrCode, &[(Get, "/auth/mfa/totp/qrcode")]),
    or_owner(Nobody, Action::ActivateMfa, &[(Post, "/auth/mfa/totp/verify")]),
    or_owner(Nobody, Action::DeactivateMfa, &[(Delete, "/auth/mfa/totp")]),
    or_owner(Nobody, Action::CountRecoveryCodes, &[(Get, "/auth/mfa/recovery-codes")]),
    or_owner(Nobody, Action::RenewRecoveryCodes, &[(Post, "/auth/mfa/recovery-codes")]),
    all(Admin, Action::ResetMfa, &[(Delete, "/api/users/{id}/mfa")]),
    all(Everybody, Action::Refresh, &[(Post, "/auth/refresh")]),
    all(Everybody, Action::ReadKeys, &[(Get, "/.well-known/jwks.json")]),
    or_owner(Nobody, Action::Logout, &[(Post, "/auth/logout")]),
    or_owner(Nobody, Action::LogoutAll, &[(Post, "/auth/logout_all")]),
    or_owner(Nobody, Action::Reauthenticate, &[(Post, "/auth/reauth")]),
    or_owner(Nobody, Action::ChangePassword, &[(Put, "/auth/password")]),
    or_owner(Nobody, Action::SendEmailVerification, &[(Post, "/auth/email/verification")]),
    all(
        Everybody,
        Action::VerifyEmail,
        &[(Post, "/auth/email/verify"), (Get, "/auth/email/verify/{token}"), (Post, "/auth/email/verify/{token}")],
    ),
    or_owner(Nobody, Action::ChangeEmail, &[(Post, "/auth/email/change")]),
    all(Everybody, Action::ForgotPassword, &[(Post, "/auth/password/forgot")]),
    all(
        Everybody,
        Action::ResetPassword,
        &[
            (Post, "/auth/password/reset"),
            (Get, "/auth/password/reset/{token}"),
            (Post, "/auth/password/reset/{token}"),
        ],
    ),
    or_owner(Nobody, Action::SendPhoneCode, &[(Post, "/auth/phone")]),
    or_owner(Nobody, Action::VerifyPhone, &[(Post, "/auth/phone/verify")]),
    or_owner(Nobody, Action::ReadProfile, &[(Get, "/auth/me"), (Get, "/auth/introspect")]),
    or_owner(Nobody, Action::UpdateProfile, &[(Put, "/auth/me")]),
    or_owner(Nobody, Action::ListSessions, &[(Get, "/auth/sessions")]),
    or_owner(Nobody, Action::EndSession, &[(Delete, "/auth/sessions/{id}")]),
    or_owner(Nobody, Action::ListSocialLogins, &[(Get, "/auth/social")]),
    all(Everybody, Action::StartSocialLogin, &[(Get, "/auth/social/{provider}/start")]),
    all(Everybody, Action::ShowSocialCallback, &[(Get, "/auth/social/{provider}/callback")]),
    all(Everybody, Action::FinishSocialLogin, &[(Post, "/auth/social/{provider}")]),
    or_owner(Nobody, Action::UnlinkSocialLogin, &[(Delete, "/auth/social/{provider}")]),
    all(Admin, Action::ListUsers, &[(Get, "/api/users")]),
    or_owner(Admin, Action::ReadUser, &[(Get, "/api/users/{id}")]),
    all(Admin, Action::CreateUser, &[(Post, "/api/users")]),
    all(Admin, Action::UpdateUser, &[(Put, "/api/users/{id}")]),
    all(Admin, Action::DeleteUser, &[(Delete, "/api/users/{id}")]),
    all(Admin, Action::ListRoles, &[(Get, "/api/roles")]),
    all(Admin, Action::ReadRole, &[(Get, "/api/roles/{id}")]),
    all(Admin, Action::CreateRole, &[(Post, "/api/roles")]),
    all(Admin, Action::UpdateRole, &[(Put, "/api/roles/{id}")]),
    all(Admin, Action::DeleteRole, &[(Delete, "/api/roles/{id}")]),
    all(AnyRole, Action::ListSocialStatuses, &[(Get, "/api/social-statuses")]),
    all(AnyRole, Action::ReadSocialStatus, &[(Get, "/api/social-statuses/{id}")]),
    all(Staff, Action::CreateSocialStatus, &[(Post, "/api/social-statuses")]),
    all(Staff, Action::UpdateSocialStatus, &[(Put, "/api/social-statuses/{id}")]),
    all(Staff, Action::DeleteSocialStatus, &[(Delete, "/api/social-statuses/{id}")]),
    all(AnyRole, Action::ListCities, &[(Get, "/api/cities")]),
    all(AnyRole, Action::ReadCity, &[(Get, "/api/cities/{id}")]),
    all(Staff, Action::CreateCity, &[(Post, "/api/cities")]),
    all(Staff, Action::UpdateCity, &[(Put, "/api/cities/{id}")]),
    all(Staff, Action::DeleteCity, &[(Delete, "/api/cities/{id}")]),
    all(AnyRole, Action::ListBanks, &[(Get, "/api/banks")]),
    all(AnyRole, Action::ReadBank, &[(Get, "/api/banks/{id}")]),
    all(Staff, Action::CreateBank, &[(Post, "/api/banks")]),
    all(Staff, Action::UpdateBank, &[(Put, "/api/banks/{id}")]),
    all(Staff, Action::DeleteBank, &[(Delete, "/api/banks/{id}")]),
    all(AnyRole, Action::ListBranches, &[(Get, "/api/branches"), (Get, "/api/banks/{bank_id}/branches")]),
    all(AnyRole, Action::ReadBranch, &[(Get, "/api/branches/{id}")]),
    all(Staff, Action::CreateBranch, &[(Post, "/api/banks/{bank_id}/branches")]),
    all(Staff, Action::UpdateBranch, &[(Put, "/api/branches/{id}")]),
    all(Staff, Action::DeleteBranch, &[(Delete, "/api/branches/{id}")]),
    all(Staff, Action::ListClients, &[(Get, "/api/clients")]),
    or_owner(Staff, Action::ReadClient, &[(Get, "/api/clients/{id}")]),
    or_owner(Admin, Action::CreateClient, &[(Post, "/api/clients")]),
    or_owner(Admin, Action::UpdateClient, &[(Put, "/api/clients/{id}")]),
    or_owner(Admin, Action::DeleteClient, &[(Delete, "/api/clients/{id}")]),
    or_owner(
        Staff,
        Action::ListAccounts,
        &[(Get, "/api/accounts"), (Get, "/api/banks/{bank_id}/accounts"), (Get, "/api/clients/{client_id}/accounts")],
    ),
    or_owner(Staff, Action::ReadAccount, &[(Get, "/api/accounts/{id}")]),
    or_owner(
        Admin,
        Action::CreateAccount,
        &[
            (Post, "/api/accounts"),
            (Post, "/api/banks/{bank_id}/accounts"),
            (Post, "/api/clients/{client_id}/accounts"),
        ],
    ),
    or_owner(Admin, Action::UpdateAccount, &[(Put, "/api/accounts/{id}")]),
    or_owner(Admin, Action::DeleteAccount, &[(Delete, "/api/accounts/{id}")]),
    or_owner(Staff, Action::ListCards, &[(Get, "/api/cards"), (Get, "/api/accounts/{account_id}/cards")]),
    or_owner(Staff, Action::ReadCard, &[(Get, "/api/cards/{id}"), (Get, "/api/accounts/cards/{id}")]),
    or_owner(Admin, Action::CreateCard, &[(Post, "/api/accounts/{account_id}/cards")]),
    or_owner(Admin, Action::UpdateCard, &[(Put, "/api/cards/{id}"), (Put, "/api/accounts/cards/{id}")]),
    or_owner(Staff, Action::StreamChanges, &[(Get, "/api/events/stream"), (Post, "/api/events/stream/ticket")]),
    or_owner(Nobody, Action::ListDevices, &[(Get, "/api/devices")]),
    or_owner(Nobody, Action::RegisterDevice, &[(Post, "/api/devices")]),
    or_owner(Nobody, Action::RemoveDevice, &[(Delete, "/api/devices/{id}")]),
    or_owner(Nobody, Action::TestDevice, &[(Post, "/api/devices/{id}/push-test")]),
    or_owner(Admin, Action::DeleteCard, &[(Delete, "/api/cards/{id}"), (Delete, "/api/accounts/cards/{id}")]),
    all(Staff, Action::ReadEvent, &[(Get, "/api/events/{id}"), (Get, "/api/events/{id}/journey")]),
    all(Admin, Action::ListDeadLetters, &[(Get, "/api/dead-letters")]),
    all(Admin, Action::ReadDeadLetter, &[(Get, "/api/dead-letters/{queue}/{id}")]),
    all(Admin, Action::ReplayDeadLetters, &[(Post, "/api/dead-letters/replay")]),
    all(Admin, Action::DiscardDeadLetters, &[(Post, "/api/dead-letters/discard")]),
];
