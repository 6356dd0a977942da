{{/* What the names of all objects begin with. A release called stytch-operator has the names of config/default. */}}
{{- define "stytch-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride }}
{{- else if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The labels of all objects. */}}
{{- define "stytch-operator.labels" -}}
{{- with .Values.labels }}
{{- toYaml . }}
{{ end -}}
app.kubernetes.io/name: stytch-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* What is known of the manager's pods. A selector cannot be changed, and config/default has this one: there is one release in a namespace,
because there is one lease in it. */}}
{{- define "stytch-operator.selector" -}}
app.kubernetes.io/name: stytch-operator
app.kubernetes.io/component: manager
{{- end }}

{{- define "stytch-operator.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{/* Not empty if ClusterStytchProjects are served: the manager does not together with namespaces. */}}
{{- define "stytch-operator.clusterProjects" -}}
{{- if and .Values.clusterProjects (not .Values.namespaces) }}yes{{ end }}
{{- end }}

{{/* Not empty if metrics are for those alone who may read them: to ask takes rights in the whole cluster. */}}
{{- define "stytch-operator.metricsSecure" -}}
{{- if and .Values.metrics.secure (not .Values.namespaces) }}yes{{ end }}
{{- end }}

{{/* What every container here is: Pod Security's restricted, and nothing is ever written to disk. */}}
{{- define "stytch-operator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* How the pods of the manager and of the job are alike. */}}
{{- define "stytch-operator.pod" -}}
securityContext:
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* An object of files/config.yaml, as kustomize makes it one of config/default: with the names and the namespace of the release. Of a
namespace, if one is given: then a ClusterRole is a Role, and so is what a binding speaks of. */}}
{{- define "stytch-operator.configured" -}}
{{- $prefix := include "stytch-operator.fullname" .root }}
{{- $home := .root.Release.Namespace }}
{{- $o := .object }}
{{- $_ := set $o.metadata "name" (printf "%s-%s" $prefix $o.metadata.name) }}
{{- $_ := set $o.metadata "labels" (merge (include "stytch-operator.labels" .root | fromYaml) ($o.metadata.labels | default dict)) }}
{{- with .root.Values.annotations }}
{{- $_ := set $o.metadata "annotations" . }}
{{- end }}
{{- if hasKey $o.metadata "namespace" }}
{{- $_ := set $o.metadata "namespace" $home }}
{{- end }}
{{- if .namespace }}
{{- $_ := set $o.metadata "namespace" .namespace }}
{{- $_ := set $o "kind" (trimPrefix "Cluster" $o.kind) }}
{{- end }}
{{- with $o.roleRef }}
{{- $_ := set . "name" (printf "%s-%s" $prefix .name) }}
{{- if $.namespace }}
{{- $_ := set . "kind" (trimPrefix "Cluster" .kind) }}
{{- end }}
{{- end }}
{{- range $o.subjects }}
{{- $_ := set . "name" (printf "%s-%s" $prefix .name) }}
{{- $_ := set . "namespace" $home }}
{{- end }}
{{- if eq $o.kind "ServiceAccount" }}
{{- with mergeOverwrite dict .root.Values.annotations .root.Values.serviceAccount.annotations }}
{{- $_ := set $o.metadata "annotations" . }}
{{- end }}
{{- end }}
{{- if eq $o.kind "ConfigMap" }}
{{- $_ := set $o.data "serviceAccount" (printf "%s-%s" $prefix $o.data.serviceAccount) }}
{{- $_ := set $o.data "users" (join "\n" .root.Values.admissionPolicy.users) }}
{{- $_ := set $o.data "groups" (join "\n" .root.Values.admissionPolicy.groups) }}
{{- end }}
{{- if eq $o.kind "ValidatingAdmissionPolicyBinding" }}
{{- $_ := set $o.spec "policyName" (printf "%s-%s" $prefix $o.spec.policyName) }}
{{- $_ := set $o.spec.paramRef "name" (printf "%s-%s" $prefix $o.spec.paramRef.name) }}
{{- $_ := set $o.spec.paramRef "namespace" $home }}
{{- end }}
{{- toYaml $o }}
{{- end }}

{{/* Refuses what a schema cannot, or not in words that help. */}}
{{- define "stytch-operator.check" -}}
{{- $values := dict "namespaces" "namespaces" "cluster-projects" "clusterProjects" "cluster-resource-namespace" "clusterResourceNamespace"
  "resync-interval" "resyncInterval" "expiry-warning" "expiryWarning" "input-patience" "inputPatience"
  "allowed-base-url-hosts" "allowedBaseURLHosts" "require-send-label" "requireSendLabel" "log-level" "logLevel" "log-format" "logFormat" }}
{{- $fixed := list "leader-elect" "leader-election-namespace" "metrics-bind-address" "health-probe-bind-address" }}
{{- range .Values.extraArgs }}
{{- $flag := trimPrefix "--" (first (splitList "=" .)) }}
{{- if hasKey $values $flag }}
{{- fail (printf "extraArgs has --%s. Set the value %s instead: the chart does more with it, or sets the flag itself." $flag (get $values $flag)) }}
{{- else if has $flag $fixed }}
{{- fail (printf "extraArgs has --%s, which the chart sets: rights, ports and probes depend on it. Remove it." $flag) }}
{{- end }}
{{- end }}
{{- range $where, $labels := dict "labels" .Values.labels "podLabels" .Values.podLabels }}
{{- range $key, $_ := $labels }}
{{- if or (hasPrefix "app.kubernetes.io/" $key) (hasPrefix "helm.sh/" $key) }}
{{- fail (printf "%s has %s, which the chart sets itself, and selects pods by. Use another label." $where $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
