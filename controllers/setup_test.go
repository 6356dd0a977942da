package controllers

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

func TestAStytchProjectWakesItsConnectionsOnlyWhenItIsOtherwiseThanBefore(t *testing.T) {
	before := &v1alpha1.StytchProject{
		ObjectMeta: metav1.ObjectMeta{Generation: 1, ResourceVersion: "1"},
		Status: v1alpha1.StytchProjectStatus{
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}},
			Inputs:     []v1alpha1.Input{{Kind: "Secret", Name: "stytch", ResourceVersion: "7"}},
		},
	}
	for name, c := range map[string]struct {
		change func(p *v1alpha1.StytchProject)
		wakes  bool
	}{
		"checked again with the same result": {func(p *v1alpha1.StytchProject) { p.Status.LastRequest = &v1alpha1.Request{RequestID: "another"} }, false},
		"edited":                             {func(p *v1alpha1.StytchProject) { p.Generation = 2 }, true},
		"rejected":                           {func(p *v1alpha1.StytchProject) { p.Status.Conditions[0].Status = metav1.ConditionFalse }, true},
		"checked with another Secret":        {func(p *v1alpha1.StytchProject) { p.Status.Inputs[0].ResourceVersion = "8" }, true},
	} {
		after := before.DeepCopy()
		after.ResourceVersion = "2"
		c.change(after)
		if got := credentialsChanged().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}); got != c.wakes {
			t.Errorf("%s: wakes is %t", name, got)
		}
	}
}
