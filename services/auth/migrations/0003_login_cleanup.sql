-- The sweep looks for logins that ended long ago; without this it would read them all.
CREATE INDEX logins_by_end ON logins (ended_at) WHERE ended_at IS NOT NULL;
