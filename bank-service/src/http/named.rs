//! The five routes of items with an id and a unique name: banks, cities, social statuses.

/// Writes the handlers of one such resource. `$operations` is the module with its verbs, which have the handlers' names.
macro_rules! named_resource {
    (
        item: $item:ident, id: $id:ty, operations: $operations:ident, tag: $tag:literal, list: $list_path:literal, one: $path:literal,
        $list:ident: $may_list:ident, $read:ident: $may_read:ident, $create:ident: $may_create:ident,
        $rename:ident: $may_rename:ident, $delete:ident: $may_delete:ident $(,)?
    ) => {
        #[utoipa::path(get, path = $list_path, tag = $tag, summary = concat!("List ", $tag),
                            responses((status = 200, description = "A page", body = ListBody<$item>)))]
        pub(super) async fn $list(
            state: web::Data<AppState>,
            actor: Actor,
            request: HttpRequest,
        ) -> Result<HttpResponse, Problem> {
            actor.may(Action::$may_list)?;
            lists::list(&state, &request, FILTERS, named::list::<$item>).await
        }

        #[utoipa::path(get, path = $path, tag = $tag, summary = concat!("Read one of the ", $tag),
                            responses((status = 200, description = "The item", body = $item)))]
        pub(super) async fn $read(
            state: web::Data<AppState>,
            actor: Actor,
            id: PathId<$id>,
        ) -> Result<HttpResponse, Problem> {
            actor.may(Action::$may_read)?;
            let found = state.store.read(move |db| named::find::<$item>(db, id.0)).await?;
            Ok(responses::item(&found, found.version))
        }

        #[utoipa::path(post, path = $list_path, tag = $tag, summary = concat!("Add one to the ", $tag),
                            request_body = NameRequest,
                            responses((status = 201, description = "The new item", body = ItemBody<$item>)))]
        pub(super) async fn $create(
            state: web::Data<AppState>,
            actor: Actor,
            request: HttpRequest,
            body: Body<NameRequest>,
        ) -> Result<HttpResponse, Problem> {
            actor.may(Action::$may_create)?;
            let key = idempotency_key(&request, &state, Some(actor.user_id))?;
            let Body(NameRequest(name)) = body;
            let ctx = state.ctx(actor.user_id);
            let made = state.create(&ctx, key, move |db, ctx| $operations::$create(db, ctx, &name)).await?;
            Ok(created(made, $list_path))
        }

        #[utoipa::path(put, path = $path, tag = $tag, summary = concat!("Rename one of the ", $tag),
                            request_body = RenameRequest,
                            responses((status = 200, description = "The item as it is now", body = ItemBody<$item>)))]
        pub(super) async fn $rename(
            state: web::Data<AppState>,
            actor: Actor,
            id: PathId<$id>,
            request: HttpRequest,
            body: Body<RenameRequest>,
        ) -> Result<HttpResponse, Problem> {
            actor.may(Action::$may_rename)?;
            let (PathId(id), Body(RenameRequest(name))) = (id, body);
            let expected = responses::expected(&request)?;
            let write = move |db: &mut Db, _: &Ctx| $operations::$rename(db, id, name.as_ref(), &expected);
            let renamed = state.write(actor.user_id, write).await?;
            Ok(responses::updated(&renamed, renamed.version))
        }

        #[utoipa::path(delete, path = $path, tag = $tag, summary = concat!("Delete one of the ", $tag),
                            responses((status = 200, description = "The item as it was", body = ItemBody<$item>)))]
        pub(super) async fn $delete(
            state: web::Data<AppState>,
            actor: Actor,
            id: PathId<$id>,
            request: HttpRequest,
        ) -> Result<HttpResponse, Problem> {
            actor.may(Action::$may_delete)?;
            let (PathId(id), expected) = (id, responses::expected(&request)?);
            let write = move |db: &mut Db, ctx: &Ctx| $operations::$delete(db, ctx, id, &expected);
            Ok(envelope::deleted(&state.write(actor.user_id, write).await?))
        }

        pub(super) fn configure(cfg: &mut web::ServiceConfig) {
            cfg.service(web::resource($list_path).route(web::get().to($list)).route(web::post().to($create))).service(
                web::resource($path)
                    .route(web::get().to($read))
                    .route(web::put().to($rename))
                    .route(web::delete().to($delete)),
            );
        }

        /// The routes' part of the OpenAPI document.
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($list, $read, $create, $rename, $delete))]
        pub(super) struct Document;
    };
}
pub(super) use named_resource;
