{{- define "around-api.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | quote }}
{{- end }}

{{- define "around-api.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
{{- end }}
