package store_test

import (
	"database/sql"

	"github.com/sunco-go/sunco/e2e/engine"
)

type race struct{}

func (r *race) run(o order, e engine.Engine, db *sql.DB) error { return nil }
