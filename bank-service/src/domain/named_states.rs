//! States that the API shows by name. A type and the list of its names have one declaration, so the document has them all.

/// Declares an enum whose variants have names, `NAMES` and `as_str`.
macro_rules! named_states {
    (
        $(#[$of_type:meta])*
        $visibility:vis enum $state:ident {
            $($(#[$of_variant:meta])* $variant:ident = $name:literal,)+
        }
    ) => {
        $(#[$of_type])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $visibility enum $state {
            $($(#[$of_variant])* $variant,)+
        }

        impl $state {
            /// The names of all of them.
            $visibility const NAMES: &'static [&'static str] = &[$($name),+];

            $visibility const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}
pub(crate) use named_states;
