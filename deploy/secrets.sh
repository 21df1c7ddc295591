#!/bin/sh
# Makes the secrets that docker-compose.yml asks for, in .env; those that are there stay. Run it in the checkout.
set -eu
umask 077
file=${1:-.env}
touch "$file"
chmod 600 "$file"
for name in POSTGRES_PASSWORD CLICKHOUSE_PASSWORD HASH_SALT \
  LANGFUSE_POSTGRES_PASSWORD LANGFUSE_CLICKHOUSE_PASSWORD LANGFUSE_VALKEY_PASSWORD LANGFUSE_S3_PASSWORD \
  LANGFUSE_SALT LANGFUSE_ENCRYPTION_KEY LANGFUSE_NEXTAUTH_SECRET; do
  grep -q "^$name=" "$file" && continue
  # 32 random bytes as 64 digits: they need no escaping in a URL.
  printf '%s=%s\n' "$name" "$(od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n')" >>"$file"
done
