<?php
// Logging in is by the database's own users: bank_owner, with BANK_DB_OWNER_PASSWORD of deploy/compose/.env.
$cfg['AllowUserDropDatabase'] = false;
$cfg['VersionCheck'] = false;
