package external_test

import (
	"testing"

	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

func TestMain(m *testing.M) { Main(m) }
