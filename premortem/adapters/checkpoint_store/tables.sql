-- The tables of positions and state, as the migrations made them: made anew when they were lost.
CREATE TABLE IF NOT EXISTS checkpoints (
  flow text NOT NULL,
  partition integer NOT NULL,
  next_offset bigint NOT NULL,
  PRIMARY KEY (flow, partition)
) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS checkpoint_state (
  flow text NOT NULL,
  partition integer NOT NULL,
  name text NOT NULL,
  value bytea STORAGE EXTERNAL NOT NULL,
  PRIMARY KEY (flow, partition, name)
);
