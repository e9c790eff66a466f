//! Requests that have one of several forms, each of which is a request type of its own.

use utoipa::ToSchema;

use super::description::Description;
use super::schema::FieldSchema;
use super::{Fields, FromFields, MISSING};

/// One form of a request of type `T`.
pub struct Form<T> {
    /// The fields that no other form has. A request with one of them has this form.
    own: &'static [&'static str],
    is_usual: bool,
    read: fn(&mut Fields) -> Option<T>,
    describe: fn(&mut Description),
}

impl<T> Form<T> {
    pub fn of<F: FromFields + ToSchema + Into<T>>(own: &'static [&'static str]) -> Self {
        Self { own, is_usual: false, read: |fields| F::read(fields).map(Into::into), describe: describe::<F> }
    }

    /// The form of a request that has no form's own fields. Otherwise it is the first one.
    #[must_use]
    pub fn usual(self) -> Self {
        Self { is_usual: true, ..self }
    }
}

fn describe<F: ToSchema>(description: &mut Description) {
    description.form(&F::name(), FieldSchema::component::<F>().components);
}

impl Fields {
    /// Reads the form that was given: the first one that has a field of its own. The own fields of other forms are faults then.
    pub fn one_of<T>(&mut self, forms: &[Form<T>]) -> Option<T> {
        if let Some(description) = &mut self.description {
            for form in forms {
                (form.describe)(description);
            }
            return None;
        }
        let mut own_fields = forms.iter().flat_map(|form| form.own.iter().map(move |name| (form, name)));
        let Some((form, given)) = own_fields.find(|(_, name)| self.was_given(name)) else {
            let usual = forms.iter().find(|form| form.is_usual).or(forms.first())?;
            let request = (usual.read)(self);
            self.name_alternatives(usual, forms);
            return request;
        };
        let request = (form.read)(self);
        for name in forms.iter().flat_map(|form| form.own) {
            // The form has taken its own ones.
            if self.take(name).is_some() {
                self.fault(name, format!("must not be given with {given}"));
            }
        }
        request
    }

    /// Completes the faults of missing fields by the fields that may be given instead.
    fn name_alternatives<T>(&mut self, usual: &Form<T>, forms: &[Form<T>]) {
        let others = forms.iter().filter_map(|form| form.own.first()).filter(|name| !usual.own.contains(name));
        let others: Vec<&str> = others.copied().collect();
        let faults = &mut self.faults;
        for name in usual.own {
            for fault in faults.get_mut(*name).into_iter().flatten().filter(|fault| *fault == MISSING) {
                *fault = format!("{MISSING}, unless {} is given", others.join(" or "));
            }
        }
    }
}
