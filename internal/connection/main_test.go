//go:debug rsa1024min=0

package connection_test

import (
	"testing"

	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

func TestMain(m *testing.M) { Main(m) }
