//! What is proved by reading a telephone's messages: its number.

use shared_events::UserId;

use crate::domain::phone::PhoneNumber;
use crate::identity::IdentityService;
use crate::identity::login::Origin;
use crate::identity::one_time::Guesses;
use crate::identity::one_time::secret::Code;
use crate::identity::phone::{
    SendPhoneCode, SendPhoneCodeError, VerifyPhone, VerifyPhoneError, send_phone_code, verify_phone,
};
use crate::store::Ctx;

impl IdentityService {
    /// Sends a code to a number.
    pub async fn send_phone_code(
        &self,
        ctx: Ctx,
        user_id: UserId,
        number: PhoneNumber,
        origin: Origin,
    ) -> Result<(), SendPhoneCodeError> {
        let (visit, rules) = (self.visitor(&origin), self.0.text_messages);
        let command = SendPhoneCode { user_id, number, code: Code::generate(), visit, rules };
        self.0.store.write(&ctx, move |db, ctx| send_phone_code(db, ctx, &command)).await
    }

    /// Takes the code that came back; none if it is wrong, expired or used up.
    pub async fn verify_phone(
        &self,
        ctx: Ctx,
        user_id: UserId,
        code: Option<Code>,
        origin: Origin,
    ) -> Result<Option<PhoneNumber>, VerifyPhoneError> {
        let guesses = Guesses::new(self.shared_vault(), origin.address);
        let command = VerifyPhone { user_id, code, guesses, remote_addr: Some(origin.remote_addr) };
        self.0.store.write(&ctx, move |db, ctx| verify_phone(db, ctx, &command)).await
    }
}
