SELECT id, value FROM incidents ORDER BY id COLLATE "C"
