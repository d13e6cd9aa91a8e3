package sqlstore

// SealError says that a stored row does not open: it was changed, moved from
// another row, or sealed with a key that was not passed to [New].
type SealError struct {
	AppID string // of the row; "~" and the generation for an unfinished installation
	KeyID string // of the key that sealed it
}

// Error implements error.
func (e *SealError) Error() string { return "sqlstore: the row does not open" }
