//! Work on the database without its types: each engine is compiled once, and not again for each operation.

use std::any::Any;

use super::outbox_rows::NewRow;
use super::{Db, OperationError, StoreError};

/// The result of an operation: its value, and the rows of its events.
pub(super) type WithRows<T, E> = Result<(T, Vec<NewRow>), E>;

/// The result of a piece of work; its caller knows the type.
pub(super) type Value = Box<dyn Any + Send>;

/// A read; it runs once.
pub(super) type Read = Box<dyn FnOnce(&mut Db) -> Value + Send>;

/// A transaction; it may run more than once.
pub(super) type Write = Box<dyn Fn(&mut Db) -> WithRows<Value, Failure> + Send + Sync>;

/// Why a transaction failed.
pub(super) enum Failure {
    /// Around the operation.
    Store(StoreError),
    /// The operation itself.
    Operation(Box<dyn AnyError>),
}

/// An operation's error whose type only the caller knows.
pub(super) trait AnyError: Send {
    fn store_error(&self) -> Option<&StoreError>;
    fn into_value(self: Box<Self>) -> Box<dyn Any>;
}

impl<E: OperationError> AnyError for E {
    fn store_error(&self) -> Option<&StoreError> {
        OperationError::store_error(self)
    }

    fn into_value(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    #[cfg_attr(not(feature = "mysql"), expect(dead_code, reason = "only a server's transactions are tried again"))]
    pub(super) fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Operation(error) => error.store_error(),
        }
    }
}

pub(super) fn read<T: Send + 'static>(f: impl FnOnce(&mut Db) -> T + Send + 'static) -> Read {
    Box::new(move |db| Box::new(f(db)))
}

pub(super) fn write<T, E>(f: impl Fn(&mut Db) -> WithRows<T, E> + Send + Sync + 'static) -> Write
where
    T: Send + 'static,
    E: OperationError,
{
    Box::new(move |db| match f(db) {
        Ok((value, rows)) => Ok((Box::new(value), rows)),
        Err(error) => Err(Failure::Operation(Box::new(error))),
    })
}

/// The result of a read, in its type again.
pub(super) fn was_read<T: 'static>(done: Result<Value, StoreError>) -> Result<T, StoreError> {
    typed(done?)
}

/// The result of a transaction, in its types again.
pub(super) fn was_written<T: 'static, E: OperationError>(done: Result<Value, Failure>) -> Result<T, E> {
    match done {
        Ok(value) => Ok(typed(value)?),
        Err(Failure::Store(error)) => Err(error.into()),
        Err(Failure::Operation(error)) => Err(typed::<E>(error.into_value())?),
    }
}

fn typed<T: 'static>(value: Box<dyn Any>) -> Result<T, StoreError> {
    value.downcast().map(|value| *value).map_err(|_| StoreError::Corrupt { what: "the type of a result" })
}
