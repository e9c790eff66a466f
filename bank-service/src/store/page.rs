//! Pages of a list: by number, with a total, or behind a cursor, at a cost that does not depend on the depth.

/// Loads the page of `$query`. `$select` builds the boxed query with its filters, or fails at one that it has no condition for;
/// it is called once for the count and once for the rows, which are ordered by `$id`, the first column of `$row`, and turned into
/// items by `$read`.
macro_rules! page_of {
    ($db:expr, $query:expr, $select:expr, $id:expr, $row:ty, $read:expr) => {{
        let page = $select()?.order($id);
        let (rows, total): (Vec<$row>, Option<i64>) = match $query.page {
            PageRequest::Number { number, size } => {
                let total: i64 = $select()?.count().get_result($db)?;
                let skip = number.saturating_sub(1).saturating_mul(size);
                (if skip < total { page.limit(size).offset(skip).load($db)? } else { Vec::new() }, Some(total))
            }
            PageRequest::After { .. } => {
                let page = match $query.page.after_id() {
                    Some(id) => page.filter($id.gt(id)),
                    None => page,
                };
                (page.limit($query.page.limit()).load($db)?, None)
            }
        };
        Listing::of($query.page, rows, total, |row| row.0).try_map($read)
    }};
}
pub(super) use page_of;
