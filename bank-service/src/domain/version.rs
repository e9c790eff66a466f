//! The version of an item that a change expects.

/// Which versions of an item a change may be applied to: those of the request's `If-Match`, or any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected(Option<Vec<i64>>);

impl Expected {
    pub fn any() -> Self {
        Self(None)
    }

    pub fn one_of(versions: Vec<i64>) -> Self {
        Self(Some(versions))
    }

    pub fn accepts(&self, version: i64) -> bool {
        self.0.as_ref().is_none_or(|versions| versions.contains(&version))
    }

    /// Whether a change may be applied to an item without a version, which no tag can name.
    pub fn accepts_unversioned(&self) -> bool {
        self.0.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_expectation_every_version_will_do() {
        assert!(Expected::any().accepts(7) && Expected::any().accepts_unversioned());
        assert!(Expected::one_of(vec![6, 7]).accepts(7));
        assert!(!Expected::one_of(vec![6]).accepts(7));
        assert!(!Expected::one_of(Vec::new()).accepts(7));
        assert!(!Expected::one_of(vec![7]).accepts_unversioned());
    }
}
