package sqlstore

// Dialect is the kind of a database.
type Dialect int

// The dialects. The zero Dialect is none.
const (
	SQLite     Dialect = iota + 1 // 3.51.3 or newer
	PostgreSQL                    // 12 or newer
)

// Schema returns the SQL that [New] runs.
func Schema(d Dialect) string { return "" }
